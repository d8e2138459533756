"""``motia check``: what can be seen to be wrong with an app without running its steps."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from motia.app import Motia
from motia.steps import Step
from motia.triggers import QueueTrigger

_SENDING = frozenset({"enqueue", "emit"})


class Sent(NamedTuple):
    """A place where a topic is sent."""

    topic: str
    place: str


async def find_problems(motia: Motia) -> list[str]:
    """One sentence per problem of an open app."""
    files = _files(motia)
    sent = [found for file in files for found in sent_topics(file)]
    problems = [*_unconsumed(motia), *_unknown(motia, sent), *_unreachable(motia, sent)]
    registry = motia.registry
    for entry in await motia.running.backend.waiting.queue.stats():
        waiting = entry.ready + entry.scheduled + entry.running
        if waiting and entry.id not in registry.plans:
            problems.append(f"{waiting} deliveries wait for {entry.id!r}, which no step of this app serves")
    return problems


def _unconsumed(motia: Motia) -> Iterator[str]:
    topics = motia.registry.topics
    for step in motia.steps:
        for item in step.config.enqueues:
            if item.topic not in topics:
                yield f"step {step.name!r} enqueues {item.topic!r}, which no step subscribes to"


def _unknown(motia: Motia, sent: list[Sent]) -> Iterator[str]:
    """Topics that code sends, that no step takes and no config declares."""
    known = motia.registry.topics | {item.topic for step in motia.steps for item in step.config.enqueues}
    for topic, place in sent:
        if topic not in known:
            yield f"{place} sends {topic!r}, an unknown topic: no step subscribes to it, and no config declares it"


def _unreachable(motia: Motia, sent: list[Sent]) -> Iterator[str]:
    """Steps that only wait for topics which nothing in sight sends."""
    topics = {item.topic for step in motia.steps for item in step.config.enqueues} | {item.topic for item in sent}
    for step in motia.steps:
        waited = [item.topic for item in step.config.triggers if isinstance(item, QueueTrigger)]
        if waited and len(waited) == len(step.config.triggers) and not topics & set(waited):
            names = ", ".join(map(repr, waited))
            yield f"step {step.name!r} is unreachable: no code and no config of this app sends {names}"


def _files(motia: Motia) -> list[Path]:
    """The files of the steps, and the modules of the project that are loaded."""
    here = Path.cwd()
    loaded = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    own = {file for file in loaded if file.endswith(".py") and _is_own(Path(file), here)}
    written = {_file_of(step) for step in motia.steps}
    return sorted(Path(file) for file in own | written if file is not None)


def _is_own(file: Path, here: Path) -> bool:
    return file.is_relative_to(here) and not {"site-packages", ".venv", "venv"} & set(file.relative_to(here).parts)


def _file_of(step: Step[..., Any]) -> str | None:
    return step.file or step.written_in


def sent_topics(file: Path) -> list[Sent]:
    """The topics that a file names where it sends: ``enqueue("t", ...)``, ``emit({"topic": "t", ...})``."""
    try:
        tree = ast.parse(file.read_text())
    except (OSError, ValueError, SyntaxError):  # it is loaded, so what cannot be read has gone since
        return []
    return [
        Sent(topic, f"{_short(file)}:{node.lineno}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) in _SENDING and node.args
        if (topic := _topic(node.args[0])) is not None
    ]


def _short(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _topic(argument: ast.expr) -> str | None:
    if isinstance(argument, ast.Dict):
        given: Mapping[Any, ast.expr] = {
            key.value: value
            for key, value in zip(argument.keys, argument.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        argument = given.get("topic") or given.get("type") or argument
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None
