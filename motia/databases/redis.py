"""Redis through redis-py: scripts that run whole on the server, and its publish/subscribe as wake-up.

Every call has a deadline, and a connection whose call timed out, failed or was cancelled is thrown away: its answer
may still come, and would be taken for that of the next call. Connections are made when first needed, for each event
loop and for blocking callers, and forgotten by a forked child.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from typing import Any

from motia.concurrency import Bell
from motia.databases.redis_ear import Ear, Kind
from motia.databases.redis_lines import (
    AWAY,
    SILENT,
    Arguments,
    ConnectionError,
    Lines,
    NoScriptError,
    OutOfMemoryError,
    ResponseError,
    blocking_client,
    waiting_client,
)
from motia.databases.redis_scripts import is_repeatable
from motia.errors import QueueUnavailable, StorageError

PATIENCE = 0.9
"""The part of its deadline after which a call gives up, so that the caller hears of it in time."""
_servers: weakref.WeakSet[RedisServer] = weakref.WeakSet()


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
        self._lines: weakref.WeakKeyDictionary[Any, tuple[Lines, Ear]] = weakref.WeakKeyDictionary()
        self._client: Any = None
        self._deaf: set[Ear] = set()

    def lines(self) -> Lines:
        """The connections of the running loop."""
        return self._here()[0]

    def _here(self) -> tuple[Lines, Ear]:
        loop = asyncio.get_running_loop()
        found = self._lines.get(loop)
        if found is None:
            lines = Lines(waiting_client(self._url))
            ear = Ear(lines, f"{self.prefix}wake", self.patience, self._deaf)
            found = self._lines[loop] = lines, ear
        return found

    def blocking(self) -> Any:
        """The client of blocking callers; safe between threads."""
        if self._client is None:
            self._client = blocking_client(self._url, self.patience)
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
    def listen(self, kind: Kind, notify: Callable[[], None]) -> Iterator[None]:
        """The wake-ups of the server for one kind of listener, and our own while it cannot be heard."""
        with self._bell.listen(notify), self._here()[1].listen(kind, notify):
            yield

    async def close(self) -> None:
        """Close the connections of this loop and of blocking callers."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        found = self._lines.pop(asyncio.get_running_loop(), None) if asyncio._get_running_loop() else None
        if found is not None:
            await found[0].close()


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
        until = asyncio.get_running_loop().time() + self.server.patience
        try:
            try:
                return await lines.ask(words, until)
            except SILENT:
                raise
            except (ConnectionError, OSError):
                await lines.drop()
                if not again:
                    raise
                return await lines.ask(words, until)
        except AWAY as error:
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
        except AWAY as error:
            raise self.server.unavailable(error) from error


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
