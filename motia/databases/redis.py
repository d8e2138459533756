"""Redis through redis-py: scripts that run whole on the server, and its publish/subscribe as wake-up.

Every call has a deadline, and a connection whose call timed out, failed or was cancelled is thrown away: its answer
may still come, and would be taken for that of the next call. Connections are made when first needed, for each event
loop and for blocking callers, and forgotten by a forked child.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha1
from typing import Any

import anyio

from motia.concurrency import Bell
from motia.databases.redis_scripts import is_repeatable
from motia.errors import MissingDependency, QueueUnavailable, StorageError
from motia.policies import reconnect_delay

try:
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
    raise MissingDependency("a redis:// URL needs redis-py: pip install 'motia[redis]'") from error

_AWAY = (ConnectionError, ServerSilent, BusyLoadingError, ReadOnlyError, OSError)
_SILENT = (ServerSilent, TimeoutError)
LINES = 32
"""Connections of one event loop at most; who finds all of them busy waits, within its deadline."""
PATIENCE = 0.9
"""The part of its deadline after which a call gives up, so that the caller hears of it in time."""
QUIET = 15.0
"""Seconds without a wake-up after which the listener asks whether the line is still there."""
_log = logging.getLogger("motia.queue")
_spread = random.Random()  # noqa: S311  # only spreads the reconnects
_servers: weakref.WeakSet[RedisServer] = weakref.WeakSet()
Arguments = Sequence[str | bytes | int | float]


class Lines:
    """The connections of one event loop, each for one call at a time.

    Args:
        client: of redis-py, which knows how to make a connection from a URL.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self._idle: list[Any] = []
        self._free = asyncio.Semaphore(LINES)

    async def ask(self, words: Arguments) -> Any:
        """Send a command and read its answer. Bound it in time: nothing here does."""
        async with self._free:
            line = self._idle.pop() if self._idle else self.client.connection_pool.make_connection()
            try:
                if _has_ended(line):
                    await line.disconnect(nowait=True)  # it makes a new one to send
                await line.send_packed_command(line.pack_command(*words), check_health=False)
                answer = await line.read_response()
            except ResponseError:
                self._idle.append(line)
                raise
            except BaseException:
                await line.disconnect(nowait=True)
                raise
            self._idle.append(line)
            return answer

    async def drop(self) -> None:
        """Close what is idle."""
        idle, self._idle = self._idle, []
        for line in idle:
            await line.disconnect(nowait=True)

    async def close(self) -> None:
        await self.drop()
        await self.client.aclose()


class RedisServer:
    """One prefix on one server, shared by both drivers.

    Args:
        url: as redis-py takes it.
        prefix: of every key; its hash tag keeps them in one slot of a cluster.
        deadline: seconds that any call may take.
    """

    def __init__(self, url: str, *, prefix: str, deadline: float) -> None:
        self.deadline = deadline
        self.patience = deadline * PATIENCE
        self.prefix = f"{{{prefix}}}:"
        self._bell = Bell()
        self._url = url
        self._reset()
        _servers.add(self)

    def _reset(self) -> None:
        self._abandoned = getattr(self, "_lines", None), getattr(self, "_client", None)  # never closed in a child
        self._lines: weakref.WeakKeyDictionary[Any, Lines] = weakref.WeakKeyDictionary()
        self._client: Any = None
        self._deaf = 0

    def _options(self, retry: Any, timeout: float | None) -> dict[str, Any]:
        return {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": retry,
            "client_name": "motia",
            "health_check_interval": 0,
        }

    def lines(self) -> Lines:
        """The connections of the running loop."""
        loop = asyncio.get_running_loop()
        found = self._lines.get(loop)
        if found is None:
            options = self._options(redis.asyncio.retry.Retry(NoBackoff(), 0), None)
            found = self._lines[loop] = Lines(redis.asyncio.Redis.from_url(self._url, **options))
        return found

    def blocking(self) -> Any:
        """The client of blocking callers; safe between threads."""
        if self._client is None:
            retry = redis.retry.Retry(NoBackoff(), 0)
            self._client = redis.Redis.from_url(self._url, **self._options(retry, self.patience))
        return self._client

    def unavailable(self, error: BaseException) -> QueueUnavailable:
        return QueueUnavailable(
            f"Redis did not answer within {self.deadline:g} s: {type(error).__name__}: {error}; "
            "nothing is known to be written"
        )

    def announce(self) -> None:
        """Wake listeners of this process that the server cannot reach; the others have heard from it."""
        if self._deaf:
            self._bell.ring()

    @contextmanager
    def listen(self, notify: Callable[[], None]) -> Iterator[None]:
        """The wake-ups of the server, and our own while it cannot be heard."""
        self._deaf += 1
        task = asyncio.get_running_loop().create_task(self._listen_for_ever(notify))
        try:
            with self._bell.listen(notify):
                yield
        finally:
            task.cancel()

    async def _listen_for_ever(self, notify: Callable[[], None]) -> None:
        failures, heard = 0, False
        try:
            while True:
                try:
                    async with self.lines().client.pubsub() as listening:
                        async with asyncio.timeout(self.patience):
                            await listening.subscribe(f"{self.prefix}wake")
                        async for _ in self._heard(listening):
                            if not heard:
                                failures, heard = 0, True
                                self._deaf -= 1
                            notify()  # the first time for what came while nobody listened
                except _AWAY as error:
                    if heard:
                        heard = False
                        self._deaf += 1
                    failures += 1
                    _log.debug("not told of new messages for the moment, looking instead: %s", error)
                    await anyio.sleep(reconnect_delay(failures, _spread))
        finally:
            self._deaf -= not heard

    async def _heard(self, listening: Any) -> AsyncIterator[None]:
        """Once when the server has confirmed, and at each wake-up; an error when the line is dead."""
        asked = False
        while True:
            found = await listening.get_message(timeout=self.patience if asked else QUIET)
            if found is None and asked:
                raise ServerSilent("no answer to a ping")
            asked = found is None
            if found is None:
                async with asyncio.timeout(self.patience):
                    await listening.ping()
            elif found["type"] in {"subscribe", "message"}:
                yield

    async def close(self) -> None:
        """Close the connections of this loop and of blocking callers."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        lines = self._lines.pop(asyncio.get_running_loop(), None) if asyncio._get_running_loop() else None
        if lines is not None:
            await lines.close()


class WaitingRedis:
    """Runs scripts on the event loop."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server

    async def call(self, script: str, arguments: Arguments = ()) -> Any:
        """Run a script; where the connection broke, once more, if it is one that may run twice.

        Raises:
            QueueUnavailable: the server did not answer in time, or the connection broke before its answer came and the
                script may have run.
            StorageError: it is out of memory, cannot write to its disk, or refuses for another reason.
        """
        again = is_repeatable(script)
        try:
            try:
                return await self._ask("EVALSHA", _digest(script), 1, self.server.prefix, *arguments, again=again)
            except NoScriptError:
                return await self._ask("EVAL", script, 1, self.server.prefix, *arguments, again=again)
        except OutOfMemoryError as error:
            raise _full(error) from error
        except ResponseError as error:
            raise StorageError(f"Redis refused: {error}") from error

    async def command(self, *words: Any) -> Any:
        """Run a single command that only reads; None where the server does not allow it."""
        try:
            return await self._ask(*words)
        except ResponseError:
            return None

    async def _ask(self, *words: Any, again: bool = True) -> Any:
        """Send a command, ``again`` over a new connection if the old one broke; in time, or not at all."""
        lines = self.server.lines()
        try:
            async with asyncio.timeout(self.server.patience):
                try:
                    return await lines.ask(words)
                except _SILENT:
                    raise
                except (ConnectionError, OSError):
                    await lines.drop()
                    if not again:
                        raise
                    return await lines.ask(words)
        except _AWAY as error:
            raise self.server.unavailable(error) from error


class BlockingRedis(WaitingRedis):
    """The same on the caller's thread; never suspends."""

    async def _ask(self, *words: Any, again: bool = True) -> Any:
        client, began = self.server.blocking(), time.monotonic()
        try:
            try:
                return client.execute_command(*words)
            except (ConnectionError, OSError):
                client.connection_pool.disconnect(inuse_connections=False)
                if not again or time.monotonic() - began > self.server.deadline - self.server.patience:
                    raise
                return client.execute_command(*words)
        except _AWAY as error:
            raise self.server.unavailable(error) from error


def _has_ended(line: Any) -> bool:
    """Whether the server has closed a connection, as far as is known here: nothing needs to be sent to find out."""
    reader: asyncio.StreamReader | None = line._reader  # what redis-py offers for it differs from version to version
    return reader is not None and (reader.at_eof() or reader.exception() is not None)


_digests: dict[str, str] = {}


def _digest(script: str) -> str:
    found = _digests.get(script)
    if found is None:
        found = _digests[script] = sha1(script.encode(), usedforsecurity=False).hexdigest()
    return found


def _full(error: BaseException) -> StorageError:
    return StorageError(f"Redis has no memory left, so nothing was written: {error}; raise its maxmemory")


def _forget_after_fork() -> None:
    for server in _servers:
        server._reset()


os.register_at_fork(after_in_child=_forget_after_fork)
