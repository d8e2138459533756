"""Stream files: ``config = {"name", "schema", "baseConfig", "canAccess", "onJoin", "onLeave"}``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from motia.ambient import Stream, enqueue, state_manager
from motia.binding import is_async_callable
from motia.compat.schemas import documented
from motia.declarations import read_keys, snake
from motia.errors import ConfigError
from motia.logs import logger

_KEYS = ("name", "schema", "base_config", "can_access", "on_join", "on_leave", "description")


class StreamConfig(dict[str, Any]):
    """What a stream file declares; a dict that answers to attributes, under the names of either case."""

    def __init__(self, declared: Mapping[str, Any] | None = None, **keys: Any) -> None:
        super().__init__({**(declared or {}), **keys})

    def __getattr__(self, name: str) -> Any:
        found = next((value for key, value in self.items() if snake(key) == snake(name)), None)
        if found is None and name.startswith("_"):
            raise AttributeError(name)
        return found


def is_stream_config(config: Any) -> bool:
    """Whether a module's ``config`` is that of a stream."""
    if not isinstance(config, Mapping):
        return False
    return isinstance(config, StreamConfig) or "base_config" in {snake(str(key)) for key in config}


def declare_stream(config: Mapping[str, Any]) -> Stream:
    """Declare the stream of a stream file. Its schema is documentation, as it has always been.

    Raises:
        ConfigError: a key is unknown, or the items are kept by code of their own.
    """
    what = f"stream {config.get('name', '?')!r}"
    keys = read_keys(config, _KEYS, what)
    base = keys.get("base_config") or {}
    storage = base.get("storageType", base.get("storage_type", "default"))
    if storage != "default":
        raise ConfigError(
            f"{what} has the storage type {storage!r}; items are kept by the app's own backend: write 'default', and "
            "choose it by Motia(streams=url)"
        )
    if not keys.get("name"):
        raise ConfigError(f"{what} has no name")
    return Stream(
        keys["name"],
        schema=documented(keys.get("schema")),
        can_access=keys.get("can_access"),
        on_join=_hook(keys.get("on_join")),
        on_leave=_hook(keys.get("on_leave")),
    )


class HookContext:
    """What a hook of 1.x is given between the subscription and what ``authenticate`` has found."""

    logger = logger
    state = state_manager
    enqueue = emit = staticmethod(enqueue)


def _hook(hook: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """A hook of 1.x, ``(subscription, ctx, auth)``, as ours, ``(subscription, auth)``."""
    if hook is None or len(inspect.signature(hook).parameters) < 3:
        return hook
    given = hook
    if is_async_callable(given):

        async def waited(subscription: Any, auth: Any) -> Any:
            return await given(subscription, HookContext(), auth)

        return waited
    return lambda subscription, auth: given(subscription, HookContext(), auth)
