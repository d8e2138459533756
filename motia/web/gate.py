"""The gate: who may follow which stream. WebSocket and server-sent events pass the same one, before they are let in and
at every join, and an exception in a hook is a no.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from motia.binding import is_async_callable
from motia.concurrency import ThreadPool
from motia.declared import spec_of
from motia.errors import ConfigError, HttpError
from motia.inputs import Record
from motia.streams.stays import Stay
from motia.web.origins import Origins

HOOK_TIMEOUT = 10.0
"""Seconds that a hook may take before its answer is no."""
_log = logging.getLogger("motia.streams")


@dataclass(frozen=True)
class StreamRequest(Record):
    """What ``authenticate`` is given; also readable in camelCase and as a mapping.

    Attributes:
        headers: names in lower case.
        query_params: ``motia.requests.QueryParams``.
        addr: of the client; empty where it is not known.
        native: the framework's own request: user, session.
    """

    headers: Mapping[str, str]
    path: str
    query_params: Any
    addr: str
    native: Any


@dataclass(frozen=True)
class StreamSubscription(Record):
    """What ``can_access``, ``on_join`` and ``on_leave`` are given; also readable in camelCase and as a mapping.

    Attributes:
        id: of the item; None for the whole group.
        subscription_id: as the client named it.
    """

    stream_name: str
    group_id: str
    id: str | None
    subscription_id: str


class Gate:
    """Decides who is let in.

    Args:
        authenticate: of the app.
        origins: see ``motia.web.origins``.
        threads: where plain functions run.

    Attributes:
        origins: whose pages may follow streams besides the host's own.
    """

    def __init__(
        self, authenticate: Callable[[Any], Any] | None, origins: Collection[str], threads: ThreadPool
    ) -> None:
        self._authenticate = authenticate
        self.origins = Origins(origins)
        self._threads = threads

    async def admit(self, request: StreamRequest, stay: Stay | None = None) -> Any:
        """Let a client in; the context that its hooks are given.

        Args:
            stay: of the client, which may be over before it has begun.

        Raises:
            HttpError: 403 for a foreign origin, 401 where ``authenticate`` refuses, or the status it raised.
        """
        context = await self._known(request)
        if stay is not None:
            try:
                stay.admit(context)
            except ConfigError as error:
                _log.error("a client was refused: the context of authenticate: %s", error)
                raise HttpError(401, "not authenticated") from error
            if stay.over is not None:
                raise HttpError(401, f"not authenticated: {stay.over}")
        return context

    async def _known(self, request: StreamRequest) -> Any:
        """Who asks, if that is to be known."""
        if not self.origins.lets(request.headers):
            raise HttpError(403, "pages of this origin may not follow streams; see MOTIA_ALLOWED_ORIGINS")
        if self._authenticate is None:
            return None
        try:
            context = await asked(self._threads, self._authenticate, request)
        except HttpError:
            raise
        except Exception as error:
            _log.info("a client was refused by authenticate: %s: %s", type(error).__name__, error)
            raise HttpError(401, "not authenticated") from error
        if refuses(context):
            _log.info("a client was refused by authenticate, which returned %s", type(context).__name__)
            raise HttpError(401, "not authenticated")
        return _inner(context)

    async def join(self, subscription: StreamSubscription, context: Any) -> None:
        """Let a client follow a group or an item.

        Raises:
            HttpError: 404 for a stream that is not declared, 403 where a hook says no or fails.
        """
        spec = spec_of(subscription.stream_name)
        if spec is None:
            raise HttpError(404, f"no stream {subscription.stream_name!r}", code="STREAM_NOT_FOUND")
        if spec.can_access is not None:
            allowed = await self._asked(spec.can_access, subscription, context)
            if not allowed or refuses(allowed):
                raise _denied()
        if spec.on_join is not None and refuses(await self._asked(spec.on_join, subscription, context, fallback=False)):
            raise _denied()

    async def leave(self, subscription: StreamSubscription, context: Any) -> None:
        """Tell the stream that a join has ended."""
        spec = spec_of(subscription.stream_name)
        if spec is not None and spec.on_leave is not None:
            await self._asked(spec.on_leave, subscription, context)

    async def _asked(
        self, hook: Callable[..., Any], subscription: StreamSubscription, context: Any, *, fallback: Any = None
    ) -> Any:
        try:
            return await asked(self._threads, hook, subscription, context)
        except Exception as error:
            name = getattr(hook, "__name__", repr(hook))
            _log.error("%s of stream %r failed, which is a no", name, subscription.stream_name, exc_info=error)
            return fallback


async def asked(threads: ThreadPool, hook: Callable[..., Any], *args: Any) -> Any:
    """What a hook says, plain or async, within ``HOOK_TIMEOUT``.

    Args:
        threads: where plain functions run.
    """
    with anyio.fail_after(HOOK_TIMEOUT):
        if is_async_callable(hook):
            return await hook(*args)
        result = await threads.run(lambda: hook(*args), abandon=True)
        return await result if inspect.isawaitable(result) else result


def refuses(answer: Any) -> bool:
    """Whether a hook refuses: False, or in Motia's words ``authorized`` that is not true, or ``unauthorized``."""
    if isinstance(answer, Mapping):
        return bool(answer.get("unauthorized")) or not answer.get("authorized", True)
    return answer is False


def _inner(context: Any) -> Any:
    """What the hooks are told; Motia's way is to return it beside ``authorized``."""
    if isinstance(context, Mapping) and set(context) == {"authorized", "context"}:
        return context["context"]
    return context


def _denied() -> HttpError:
    return HttpError(403, "Access denied", code="STREAM_ACCESS_DENIED")
