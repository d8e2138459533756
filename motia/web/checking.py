"""What can be seen to be wrong with an app without running its steps: for ``motia check`` and the Workbench."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from motia.app import Motia
from motia.messages import SubscriptionStats
from motia.steps import Step
from motia.triggers import QueueTrigger

_MOTIA = Path(__file__).parents[1]
_SENDING = frozenset({"enqueue", "emit"})
Names = Mapping[str, Collection[str]]
"""Steps by what code calls them."""


class Sent(NamedTuple):
    """A place where a topic is sent."""

    topic: str
    file: str
    line: int


class Fault(NamedTuple):
    """Something that is wrong.

    Attributes:
        code: a stable name for programs.
        detail: one sentence.
        file: as short as it can be from here.
    """

    code: str
    detail: str
    step: str | None = None
    topic: str | None = None
    file: str | None = None
    line: int | None = None


async def find_problems(motia: Motia) -> list[Fault]:
    """What is wrong with an open app."""
    return [*written_problems(motia), *orphans(motia, await motia.running.backend.waiting.queue.stats())]


def written_problems(motia: Motia) -> list[Fault]:
    """What is wrong with the code of an app. Reads its files."""
    names, files = names_of(motia), _files(motia)
    sent = [found for file in files for found in sent_topics(file, names)]
    reached = {name for file in files for name in reached_steps(file, names)}
    return [*_unconsumed(motia), *_unknown(motia, sent), *_unreachable(motia, sent, reached)]


def orphans(motia: Motia, stats: Sequence[SubscriptionStats]) -> list[Fault]:
    """Deliveries that wait for a step which is no more."""
    plans = motia.registry.plans
    return [
        Fault(
            "orphaned",
            f"{waiting} deliveries wait for {entry.id!r}, which no step of this app serves",
            step=entry.step or None,
            topic=entry.topic,
        )
        for entry in stats
        if (waiting := entry.ready + entry.blocked + entry.scheduled + entry.running) and entry.id not in plans
    ]


def _unconsumed(motia: Motia) -> Iterator[Fault]:
    topics = motia.registry.topics
    for step in motia.steps:
        for item in step.config.enqueues:
            if item.topic not in topics:
                detail = f"step {step.name!r} enqueues {item.topic!r}, which no step subscribes to"
                yield Fault("no_consumer", detail, step.name, item.topic, *place_of(step))


def _unknown(motia: Motia, sent: list[Sent]) -> Iterator[Fault]:
    """Topics that code sends, that no step takes and no config declares."""
    known = motia.registry.topics | {item.topic for step in motia.steps for item in step.config.enqueues}
    for topic, file, line in sent:
        if topic not in known:
            detail = f"sends {topic!r}, an unknown topic: no step subscribes to it, and no config declares it"
            yield Fault("unknown_topic", f"{file}:{line} {detail}", None, topic, file, line)


def _unreachable(motia: Motia, sent: list[Sent], reached: Collection[str]) -> Iterator[Fault]:
    """Steps that only wait for topics which nothing in sight sends, and that nothing in sight sends to or invokes."""
    topics = {item.topic for step in motia.steps for item in step.config.enqueues} | {item.topic for item in sent}
    for step in motia.steps:
        waited = [item.topic for item in step.config.triggers if isinstance(item, QueueTrigger)]
        if step.name in reached or len(waited) != len(step.config.triggers):
            continue
        if waited and not topics & set(waited):
            names = ", ".join(map(repr, waited))
            detail = f"step {step.name!r} is unreachable: no code and no config of this app sends {names}"
            yield Fault("unreachable", detail, step.name, None, *place_of(step))


def place_of(step: Step[..., Any]) -> tuple[str, int | None]:
    """The file and line of a step, the file as short as it can be from here."""
    file, _, line = step.source.rpartition(":")
    return (_short(Path(file)), int(line)) if file and line.isdigit() else (_short(Path(step.source)), None)


def _files(motia: Motia) -> list[Path]:
    """The files of the steps, and the modules of the project that are loaded."""
    own = {file for file, _ in _modules()}
    written = {_file_of(step) for step in motia.steps}
    return sorted(Path(file) for file in own | written if file is not None)


def _modules() -> Iterator[tuple[str, Any]]:
    """The modules of the project that are loaded, with their files."""
    here = Path.cwd()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if file.endswith(".py") and _is_own(Path(file), here):
            yield file, module


def names_of(motia: Motia) -> Names:
    """The steps by the names of their functions, and of the variables of the project's modules that hold them."""
    found = [(getattr(step.handler, "__name__", ""), step.name) for step in motia.steps]
    for _, module in _modules():
        found += [(name, value.name) for name, value in vars(module).items() if isinstance(value, Step)]
    names: dict[str, set[str]] = {}
    for name, step in found:
        names.setdefault(name, set()).add(step)
    return names


def _is_own(file: Path, here: Path) -> bool:
    if file.is_relative_to(_MOTIA):
        return False
    return file.is_relative_to(here) and not {"site-packages", ".venv", "venv"} & set(file.relative_to(here).parts)


def _file_of(step: Step[..., Any]) -> str | None:
    return step.file or step.written_in


def sent_topics(file: Path, names: Names) -> list[Sent]:
    """The topics that a file names where it sends: ``enqueue("t", ...)``, ``emit({"topic": "t", ...})``.

    Args:
        names: of steps: what ``charge.enqueue({...})`` sends goes to no topic.
    """
    return [
        Sent(topic, _short(file), node.lineno)
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.Call) and _name(node.func) in _SENDING and node.args and not _steps(node.func, names)
        if (topic := _topic(node.args[0])) is not None
    ]


def reached_steps(file: Path, names: Names) -> set[str]:
    """The steps that a file reaches without a topic: by ``charge.enqueue`` or by ``invoke("charge", ...)``."""
    found: set[str] = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.expr):
            found.update(_steps(node, names))
        if isinstance(node, ast.Call) and _name(node.func) == "invoke" and node.args:
            first = node.args[0]
            found.update([first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else [])
    return found


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text())
    except (OSError, ValueError, SyntaxError):  # it is loaded, so what cannot be read has gone since
        return ast.Module([], [])


def _steps(node: ast.expr, names: Names) -> Collection[str]:
    """The steps that ``charge.enqueue`` can mean."""
    if isinstance(node, ast.Attribute) and node.attr in _SENDING:
        return names.get(_name(node.value) or "", ())
    return ()


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
