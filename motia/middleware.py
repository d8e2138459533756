"""Middleware of http steps: ``(req, ctx, next)``, outermost first, ``async def`` or ``def``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from motia.binding import is_async_callable
from motia.errors import ConfigError

Inner = Callable[[], Awaitable[Any]]


class Layer(NamedTuple):
    """One middleware and its flavour."""

    call: Callable[..., Any]
    is_async: bool


def layers(declared: Sequence[Callable[..., Any]]) -> tuple[Layer, ...]:
    """The layers of a declaration.

    Raises:
        ConfigError: something in it cannot be called.
    """
    for item in declared:
        if not callable(item):
            raise ConfigError(f"middleware expected functions (req, ctx, next), got {item!r}")
    return tuple(Layer(item, is_async_callable(item)) for item in declared)
