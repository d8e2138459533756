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

    __slots__ = ("_bytes", "_event", "_items", "_overflow", "closed", "full")

    def __init__(self, overflow: Callable[[], None] | None = None) -> None:
        self._overflow = overflow
        self._items: list[T] = []
        self._bytes = 0
        self._event = asyncio.Event()
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
        self._event.set()

    def close(self) -> None:
        """Wake the reader for good."""
        self.closed = True
        self._event.set()

    async def take(self, patience: float | None = None) -> list[T] | None:
        """All that waits, as soon as there is something; empty once it is full or closed.

        Args:
            patience: seconds after which None is returned where nothing came.
        """
        if not self._items and not self.full and not self.closed:
            if patience is None:
                await self._event.wait()
            elif not await _within(patience, self._event):
                return None
        self._event.clear()
        if self.full or self.closed:
            self._event.set()
            return []
        items, self._items, self._bytes = self._items, [], 0
        return items


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
