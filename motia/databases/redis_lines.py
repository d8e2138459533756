"""Connections to Redis through redis-py, each for one call at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
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
        InvalidResponse,
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
    "pack",
    "waiting_client",
]
AWAY = (ConnectionError, ServerSilent, BusyLoadingError, ReadOnlyError, OSError)
"""What says that the server cannot be reached, or cannot serve for the moment."""
SILENT = (ServerSilent, TimeoutError)
LINES = 32
"""Connections of one event loop at most; who finds all of them busy waits, within its deadline."""
_NOTHING = object()
_PUSHED = getattr(hiredis, "PushNotification", ())
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


class Line(asyncio.Protocol):
    """A connection, for one command at a time.

    redis-py opens it, with TLS, password and database, and knows its errors; sending and reading is done here, since
    every message waits for it, and redis-py's own takes several turns of the loop.

    Attributes:
        ended: set when there is no connection any more.

    Args:
        native: a connection of redis-py, connected.
        heard: called with each message of a channel that this line has subscribed to.
    """

    def __init__(self, native: Any, heard: Callable[[bytes], None] | None) -> None:
        self.ended = asyncio.Event()
        self._native = native
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Any] = self._loop.create_future()
        self._answer.set_result(None)  # nobody waits for one yet
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=native._parser.parse_error, notEnoughData=_NOTHING
        )
        self._transport = native._writer.transport
        self._transport.set_protocol(self)

    async def ask(self, packed: bytes, until: float) -> Any:
        """Send a command and read its answer.

        Args:
            until: the time of the loop at which that must have happened.

        Raises:
            TimeoutError: it has not.
            ConnectionError: the connection broke before the answer came.
            ResponseError: the server refused.
        """
        self._answer = self._loop.create_future()
        timer = self._loop.call_at(until, self._give_up)
        self._transport.write(packed)
        try:
            answer = await self._answer
        finally:
            timer.cancel()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _give_up(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(TimeoutError("no answer in time"))

    async def close(self) -> None:
        """Close it now, whatever is still to be sent: TLS would otherwise wait for the server's farewell."""
        self.ended.set()
        self._transport.abort()
        await self._native.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (found := self._reader.gets()) is not _NOTHING:
                self._take(found)
        except InvalidResponse as error:
            self._transport.abort()
            self.connection_lost(error)

    def _take(self, found: Any) -> None:
        if self._heard is not None and isinstance(found, list) and found[0] == b"message":
            self._heard(found[2])
        elif self._heard is None and isinstance(found, _PUSHED):
            return  # said by the server of its own accord, as some do before maintenance: nobody's answer
        elif not self._answer.done():
            self._answer.set_result(found)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
        if not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the connection was closed: {exc or 'by the server'}"))


class Lines:
    """The connections of one event loop, each for one call at a time.

    Args:
        client: of redis-py, which knows how to make a connection from a URL.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._places: asyncio.LifoQueue[Line | None] = asyncio.LifoQueue()
        for _ in range(LINES):
            self._places.put_nowait(None)

    async def ask(self, words: tuple[Argument, ...], until: float) -> Any:
        """Send a command and read its answer; see ``Line.ask``."""
        packed = pack(words)
        if self._places.empty():
            async with asyncio.timeout_at(until):
                line = await self._places.get()
        else:
            line = self._places.get_nowait()
        try:
            if line is None or line.ended.is_set():
                line = await self.open(until, replacing=line)
            return await line.ask(packed, until)
        except ResponseError:
            raise
        except BaseException:
            broken, line = line, None
            if broken is not None:
                await broken.close()
            raise
        finally:
            self._places.put_nowait(line)

    async def open(
        self, until: float, *, replacing: Line | None = None, heard: Callable[[bytes], None] | None = None
    ) -> Line:
        """A new connection."""
        if replacing is not None:
            await replacing.close()
        native = self._client.connection_pool.make_connection()
        try:
            async with asyncio.timeout_at(until):
                await native.connect()
        except BaseException:
            await native.disconnect(nowait=True)
            raise
        return Line(native, heard)

    async def drop(self) -> None:
        """Close what is idle."""
        idle = [self._places.get_nowait() for _ in range(self._places.qsize())]
        for _ in idle:
            self._places.put_nowait(None)
        for line in idle:
            if line is not None:
                await line.close()

    async def close(self) -> None:
        await self.drop()
        await self._client.aclose()


def pack(words: tuple[Argument, ...]) -> bytes:
    """A command as it is sent."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one
    return packed
