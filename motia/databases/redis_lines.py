"""Connections to Redis through redis-py, each for one call at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from motia.errors import MissingDependency

try:
    import hiredis
    import redis
    import redis.asyncio
    from redis.backoff import NoBackoff
    from redis.exceptions import (
        BusyLoadingError,
        ConnectionError,
        NoScriptError,
        OutOfMemoryError,
        ReadOnlyError,
        ResponseError,
    )
    from redis.exceptions import TimeoutError as ServerSilent
except ImportError as error:
    raise MissingDependency("a redis:// URL needs redis-py with hiredis: pip install 'motia[redis]'") from error

__all__ = [
    "AWAY",
    "LINES",
    "SILENT",
    "Arguments",
    "ConnectionError",
    "Lines",
    "NoScriptError",
    "OutOfMemoryError",
    "ResponseError",
    "ServerSilent",
    "blocking_client",
    "waiting_client",
]
AWAY = (ConnectionError, ServerSilent, BusyLoadingError, ReadOnlyError, OSError)
"""What says that the server cannot be reached, or cannot serve for the moment."""
SILENT = (ServerSilent, TimeoutError)
LINES = 32
"""Connections of one event loop at most; who finds all of them busy waits, within its deadline."""
Argument = str | bytes | int | float
Arguments = Sequence[Argument]


def options(retry: Any, timeout: float | None) -> dict[str, Any]:
    """Of a client: it gives up when ``retry`` does, and after so many seconds; None where its caller sees to that."""
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": retry,
        "client_name": "motia",
        "health_check_interval": 0,
    }


def waiting_client(url: str) -> Any:
    """For an event loop; whoever calls it bounds it in time."""
    return redis.asyncio.Redis.from_url(url, **options(redis.asyncio.retry.Retry(NoBackoff(), 0), None))


def blocking_client(url: str, timeout: float) -> Any:
    """For blocking callers; safe between threads."""
    return redis.Redis.from_url(url, **options(redis.retry.Retry(NoBackoff(), 0), timeout))


class Lines:
    """The connections of one event loop, each for one call at a time.

    Args:
        client: of redis-py, which knows how to make a connection from a URL.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self._idle: list[Any] = []
        self._free = asyncio.Semaphore(LINES)

    async def ask(self, words: tuple[Argument, ...]) -> Any:
        """Send a command and read its answer. Bound it in time: nothing here does."""
        packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one
        async with self._free:
            line = self._idle.pop() if self._idle else self.new()
            try:
                if _has_ended(line):
                    await line.disconnect(nowait=True)  # it makes a new one to send
                await line.send_packed_command(packed, check_health=False)
                answer = await line.read_response()
            except ResponseError:
                self._idle.append(line)
                raise
            except BaseException:
                await line.disconnect(nowait=True)
                raise
            self._idle.append(line)
            return answer

    def new(self) -> Any:
        """A connection of redis-py that is for its caller alone, who closes it; it connects when it first sends."""
        return self.client.connection_pool.make_connection()

    async def drop(self) -> None:
        """Close what is idle."""
        idle, self._idle = self._idle, []
        for line in idle:
            await line.disconnect(nowait=True)

    async def close(self) -> None:
        await self.drop()
        await self.client.aclose()


def _has_ended(line: Any) -> bool:
    """Whether the server has closed a connection, as far as is known here: nothing needs to be sent to find out."""
    reader: asyncio.StreamReader | None = line._reader  # what redis-py offers for it differs from version to version
    return reader is not None and (reader.at_eof() or reader.exception() is not None)
