"""For how long a client that was let in may stay: until its session expires, or somebody disconnects it.

Who is disconnected is told to every process by a log of its own, like a change of a stream: in order, and none is
missed. A client's stay begins before it is asked who it is, so that a logout which comes meanwhile counts.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from motia.codec import dumps, loads
from motia.errors import ConfigError, UnserializablePayload
from motia.streams.base import StreamStore
from motia.streams.tail import Seat, Tail
from motia.streams.wire import Told

LOG, EVERYBODY = "$disconnected", "all"
"""Where disconnections are logged: no stream can be declared by this name."""
REST = 0.25
"""Seconds between two looks into that log, which is not what a busy process should look into all the time."""
EXPIRED, DISCONNECTED, MISSED = "the session has expired", "disconnected", "begin anew"
_EXPIRES = ("expires_at", "expiresAt")
_DAY = 86_400.0
_NOTHING: Any = object()
_log = logging.getLogger("motia.streams")


async def disconnect(store: StreamStore, context: Any, fields: Mapping[str, Any]) -> None:
    """Have every process close the connections of clients whose context matches.

    Raises:
        ConfigError: nothing says whom.
        UnserializablePayload: a value is not strict JSON, by which other processes are told.
    """
    if context is None and not fields:
        raise ConfigError("disconnect expected whom, such as disconnect(user='ada'), as authenticate has found them")
    wanted = {"fields": dict(fields)} if context is None else {"context": context, "fields": dict(fields)}
    await store.emit(LOG, EVERYBODY, None, dumps(wanted))


def matches(context: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether a client's context is the one that is to go, or has all of the fields."""
    if "context" in wanted and _plain(context) != wanted["context"]:
        return False
    return all(_plain(_field(context, name)) == value for name, value in wanted["fields"].items())


def expiry_of(context: Any) -> float | None:
    """When the session of a context ends, in seconds since the epoch; None where it does not say.

    Raises:
        ConfigError: its ``expires_at`` is neither such a number nor a datetime with a time zone.
    """
    found = next((_field(context, name) for name in _EXPIRES if _has(context, name)), None)
    if found is None:
        return None
    if isinstance(found, datetime) and found.tzinfo is not None:
        return found.timestamp()
    if isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found):
        return float(found)
    raise ConfigError(f"expires_at expected seconds since the epoch or a datetime with a time zone, got {found!r}")


class Stay:
    """The stay of one client.

    Args:
        tail: of the log of disconnections.
        now: the app's clock, in seconds since the epoch.
    """

    __slots__ = ("_context", "_end", "_expires", "_now", "_seat", "_tail", "_timer", "over")

    def __init__(self, tail: Tail, now: Callable[[], float]) -> None:
        self._tail = tail
        self._now = now
        self._seat = Seat(LOG, EVERYBODY, self._told, self._missed)
        self._seat.wants[None] = 0
        self._context: Any = None
        self._end: Callable[[str], None] | None = None
        self._expires = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self.over: str | None = None

    async def begin(self) -> None:
        """Listen from now on, and keep what is told until it is known whose stay this is."""
        self._seat.hold()
        try:
            await self._tail.sit(self._seat)
        except BaseException:
            self.close()
            raise

    def admit(self, context: Any) -> None:
        """The client has been let in with this context. Afterwards ``over`` says why not, if it may not stay."""
        self._context = context
        expires = expiry_of(context)
        self._expires = math.inf if expires is None else expires
        self._seat.release()
        self._look()

    def until(self, end: Callable[[str], None]) -> None:
        """Have ``end`` called with the reason, once, when the client must go; at once if it must already."""
        self._end = end
        if self.over is not None:
            end(self.over)

    def close(self) -> None:
        """The client is gone."""
        self._tail.leave(self._seat)
        self._end = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """End what has expired, or look again then."""
        left = self._expires - self._now()
        if left <= 0:
            self._over(EXPIRED)
        elif left < math.inf:  # in steps, since clocks are set, and loops wait for no more than a day
            self._timer = asyncio.get_running_loop().call_later(min(left, _DAY), self._look)

    def _told(self, told: Told) -> None:
        try:
            meant = matches(self._context, loads(told.entry.data))
        except Exception:  # the context is not ours, and what it cannot answer may be a yes
            _log.exception("a client's context cannot be compared, so it is disconnected")
            meant = True
        if meant:
            self._over(DISCONNECTED)

    def _missed(self) -> None:
        """What was told while nobody listened may have been about this client."""
        if self._tail.open:
            self._over(MISSED)

    def _over(self, reason: str) -> None:
        if self.over is None:
            self.over = reason
            if self._end is not None:
                self._end(reason)


def _has(context: Any, name: str) -> bool:
    """Whether a context says this of itself; one that would have to be loaded for it, lazily, does not."""
    if isinstance(context, Mapping):
        return name in context
    return inspect.getattr_static(context, name, _NOTHING) is not _NOTHING


def _plain(value: Any) -> Any:
    """A value as it looks to other processes: a UUID is text there."""
    try:
        return loads(dumps(value))
    except UnserializablePayload:
        return value


def _field(context: Any, name: str) -> Any:
    if isinstance(context, Mapping):
        return context.get(name, _NOTHING)
    return getattr(context, name, _NOTHING)
