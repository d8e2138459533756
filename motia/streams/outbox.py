"""What waits to be sent to one subscriber: bounded, so that one who does not read costs nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

MAX_MESSAGES = 256
MAX_BYTES = 1024 * 1024
"""Bounds of what waits for one subscriber: enough for a burst, far below what a thousand of them could not afford."""
T = TypeVar("T")


class Outbox(Generic[T]):
    """A queue of one reader that is filled without waiting. One message may be longer than the bound, alone.

    Args:
        overflow: called when more came than fits, and all of it was forgotten.

    Attributes:
        full: more came than fits; nothing is taken in any more.
        closed: nothing will come any more.
    """

    __slots__ = ("_bytes", "_items", "_overflow", "_waiter", "closed", "full")

    def __init__(self, overflow: Callable[[], None] | None = None) -> None:
        self._overflow = overflow
        self._items: list[T] = []
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self.full = False
        self.closed = False

    def put(self, item: T, size: int) -> None:
        """Add a message of ``size`` bytes, unless it is full or becomes so by it."""
        items = self._items
        if self.full:
            return
        if items and (len(items) >= MAX_MESSAGES or self._bytes + size > MAX_BYTES):
            self.full = True
            items.clear()
            if self._overflow is not None:
                self._overflow()
        else:
            items.append(item)
            self._bytes += size
        if self._waiter is not None:
            self._wake()

    def close(self) -> None:
        """Wake the reader for good."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def take(self, patience: float | None = None) -> list[T] | None:
        """All that waits, as soon as there is something; empty once it is full or closed.

        Args:
            patience: seconds after which None is returned where nothing came.
        """
        if not self._items and not self.full and not self.closed:
            await self._something(patience)
        if self.full or self.closed:
            return []
        if not self._items:
            return None
        items, self._items, self._bytes = self._items, [], 0
        return items

    async def _something(self, patience: float | None) -> None:
        """Wait until there is something, or patience ends. A bare future: this is done for every message and client."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        if patience is None:
            await waiter
            return
        timer = loop.call_later(patience, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()
