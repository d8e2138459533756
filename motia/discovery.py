"""Finding steps: in modules, and in folders of step files. Importing a file runs it."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from motia.errors import ConfigError, RegistrationError
from motia.folders import Folder, ImportProblem, is_step_file, where
from motia.steps import Step, StepConfig, step

Reader = Callable[[ModuleType], "Step[..., Any] | None"]
readers: list[Reader] = []
"""Who is asked, in this order, for the step of a module with a ``config``, before it is read as one of ours."""
_log = logging.getLogger("motia")


def collect(sources: Iterable[Any]) -> list[Step[..., Any]]:
    """The steps of all sources, each once, in order.

    Args:
        sources: ``Step`` objects, modules, dotted module names, folders or files.

    Raises:
        RegistrationError: modules or files that cannot be imported, all at once, with file and line.
        ConfigError: a source is nothing that steps come from.
    """
    found: dict[int, Step[..., Any]] = {}
    problems: list[str] = []
    for source in sources:
        try:
            for item in _from_source(source, problems):
                found.setdefault(id(item), item)
        except ImportProblem as error:
            problems.append(str(error))
    if problems:
        raise RegistrationError(problems)
    return list(found.values())


def _from_source(source: Any, problems: list[str]) -> Iterator[Step[..., Any]]:
    if isinstance(source, Step):
        yield source
    elif isinstance(source, ModuleType):
        yield from steps_of(source)
    elif isinstance(source, Path) or (isinstance(source, str) and ("/" in source or Path(source).is_dir())):
        yield from _from_folder(Folder(source), problems)
    elif isinstance(source, str):
        yield from steps_of(_imported(source))
    else:
        raise ConfigError(
            f"steps expected Step objects, modules, module names or folders, got {source!r}; "
            "did you forget the @step decorator?"
        )


def steps_of(module: ModuleType) -> list[Step[..., Any]]:
    """The steps in a module: every ``Step`` in its namespace, and the one of its ``config`` and ``handler``.

    Raises:
        ConfigError: ``config`` is not a declaration.
    """
    found = [value for value in vars(module).values() if isinstance(value, Step)]
    declared = _declared(module, {item.name for item in found})
    return found if declared is None else [*found, declared]


def _declared(module: ModuleType, known: Collection[str]) -> Step[..., Any] | None:
    """The step of a module's ``config``, unless the module has made a ``Step`` of it."""
    config, handler = getattr(module, "config", None), getattr(module, "handler", None)
    if not isinstance(config, (StepConfig, Mapping)) or isinstance(handler, Step):
        return None
    if (config.get("name") if isinstance(config, Mapping) else config.name) in known:
        return None
    for reader in readers:
        if (read := reader(module)) is not None:
            return read
    return step(config, handler) if callable(handler) else None


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ImportProblem(f"cannot import {name!r}: {where(error)}") from error


def _from_folder(folder: Folder, problems: list[str]) -> Iterator[Step[..., Any]]:
    with folder.on_path():
        files = folder.files()
        elsewhere = set(map(str, files))
        for file in files:
            try:
                found = steps_of(folder.load(file))
            except ImportProblem as error:
                problems.append(str(error))
                continue
            except ConfigError as error:
                problems.append(f"{file}: {error}")
                continue
            if not found and is_step_file(file):
                _log.warning("%s declares no step: it has neither a Step nor a config with a handler", file)
            for item in found:
                if item.written_in == str(file) or item.written_in not in elsewhere:  # else imported from there
                    item.file = item.file or str(file)
                    yield item
