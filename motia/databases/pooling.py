"""Connections that are kept for the next call: opened when first needed, a few at once, the last one used first.

Whoever takes one says until when (monotonic time) he can wait; waiting for a place and opening count. A connection on
which something has come while nobody used it has ended, so a server that was restarted costs no failed call. One that
did not answer in time is closed with all that lie idle: what made it silent has most likely silenced them too.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import BoundedSemaphore
from typing import Any, Protocol

import anyio


def remaining(until: float) -> float:
    """Seconds left, never below zero."""
    return max(0.0, until - time.monotonic())


class Kind(Protocol):
    """What a pool has to know of its connections."""

    def fileno(self, native: Any) -> int:
        """Of the socket below it."""
        ...

    def usable(self, native: Any) -> bool:
        """Whether it is open, and in no transaction."""
        ...

    def discard(self, native: Any) -> None:
        """Close it without a word to the server, which may not answer. Does not fail."""
        ...


class _Idle:
    """The connections that nobody uses."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._kept: deque[Any] = deque()
        self._open = False

    def pop(self) -> Any:
        """One that has not ended; None where there is none."""
        self._open = True
        while self._kept:
            native = self._kept.pop()
            if self._kind.usable(native) and _quiet(self._kind.fileno(native)):
                return native
            self._kind.discard(native)
        return None

    def push(self, native: Any) -> None:
        if self._open and self._kind.usable(native):
            self._kept.append(native)
        else:
            self._kind.discard(native)

    def clear(self) -> None:
        while self._kept:
            self._kind.discard(self._kept.pop())

    def close(self) -> None:
        self._open = False
        self.clear()


def _quiet(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows: the next call finds out
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)


class BlockingPool:
    """For blocking code, on any thread.

    Args:
        connect: opens one, until the given time.
        size: at most so many are used at once.
    """

    def __init__(self, kind: Kind, connect: Callable[[float], Any], size: int) -> None:
        self._connect = connect
        self._size = size
        self._places = BoundedSemaphore(size)
        self._idle = _Idle(kind)

    @contextmanager
    def lend(self, until: float) -> Iterator[Any]:
        """A connection for the time of a block.

        Raises:
            TimeoutError: all were in use until then.
        """
        if not self._places.acquire(timeout=remaining(until)):
            raise TimeoutError(f"all {self._size} connections stayed in use")
        try:
            native = self._idle.pop() or self._connect(until)
            try:
                yield native
            finally:
                self._idle.push(native)
        finally:
            self._places.release()

    def suspect(self) -> None:
        """Close what lies idle."""
        self._idle.clear()

    def close(self) -> None:
        """Close what lies idle, and what is used when it comes back. The next use opens new ones."""
        self._idle.close()


class AsyncPool:
    """The same for one event loop."""

    def __init__(self, kind: Kind, connect: Callable[[float], Awaitable[Any]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._places = asyncio.Semaphore(size)
        self._idle = _Idle(kind)

    @asynccontextmanager
    async def lend(self, until: float) -> AsyncIterator[Any]:
        """See ``BlockingPool.lend``."""
        native = await self.take(until)
        try:
            yield native
        finally:
            self.give(native)

    async def take(self, until: float) -> Any:
        """The same without a block; whoever takes one gives it back."""
        if self._places.locked():
            with anyio.move_on_after(remaining(until)) as waiting:
                await self._places.acquire()
            if waiting.cancelled_caught:
                raise TimeoutError(f"all {self._size} connections stayed in use")
        else:
            await self._places.acquire()
        try:
            return self._idle.pop() or await self._connect(until)
        except BaseException:
            self._places.release()
            raise

    def give(self, native: Any) -> None:
        """Back what was taken."""
        self._idle.push(native)
        self._places.release()

    def suspect(self) -> None:
        self._idle.clear()

    def close(self) -> None:
        self._idle.close()
