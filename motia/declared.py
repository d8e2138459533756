"""Streams as they are declared, one per name and process: importing the module that declares one is all it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from motia.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_specs: dict[str, StreamSpec] = {}


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What is declared of a stream; None stands for what is not.

    Attributes:
        schema: of its items.
        can_access: asked at every join, ``(subscription, context) -> bool``.
        on_join: called at every join that was granted; may refuse it.
        on_leave: called once for every join.
    """

    name: str
    schema: Any = None
    can_access: Callable[..., Any] | None = None
    on_join: Callable[..., Any] | None = None
    on_leave: Callable[..., Any] | None = None


def check_name(name: Any) -> str:
    """The name of a stream.

    Raises:
        ConfigError: it has characters that names of streams do not have.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"a stream's name expected 1 to 200 of the characters A-Z a-z 0-9 _ . : -, got {name!r}")
    return name


def declare(name: str, options: Mapping[str, Any]) -> None:
    """Declare a stream. Options that an earlier declaration gave, and this one does not, stay.

    So ``Stream("todo")`` in one module never takes the gate from the ``Stream("todo", can_access=...)`` of another.
    """
    known = _specs.get(check_name(name), StreamSpec(name))
    _specs[name] = replace(known, **{key: value for key, value in options.items() if value is not None})


def spec_of(name: str) -> StreamSpec | None:
    """The declaration of a stream, if there is one."""
    return _specs.get(name)


def declared() -> list[StreamSpec]:
    """Every declaration of this process, in order."""
    return list(_specs.values())
