"""What was read a moment ago: pages ask each second, and what is costly to count must not be counted all the time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
SHARE = 10
"""Something is told again for so many times as long as reading it took: reading takes a tenth of the time at most."""
CHEAP = 0.05
"""Seconds of reading below which it is always done anew."""
LONGEST = 30.0
"""Seconds after which it is read anew in any case."""
MAX_KEPT = 100


class Memory:
    """What one process remembers.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[Hashable, tuple[float, Any]] = {}

    async def told(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What ``read`` found a moment ago, or finds now."""
        until, found = self._known.get(key, (0.0, None))
        began = self._clock()
        if began < until:
            known: T = found
            return known
        fresh = await read()
        ended = self._clock()
        if ended - began < CHEAP:
            return fresh
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[key] = ended + min(LONGEST, SHARE * (ended - began)), fresh
        return fresh

    def forget(self) -> None:
        """Read anew: somebody has changed something."""
        self._known.clear()
