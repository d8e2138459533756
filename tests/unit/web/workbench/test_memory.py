from __future__ import annotations

from motia.testing.clock import VirtualClock
from motia.web.workbench.memory import LONGEST, MAX_KEPT, Memory


class Costly:
    def __init__(self, clock: VirtualClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self.count = 0

    async def __call__(self) -> int:
        self._clock.advance(self._seconds)
        self.count += 1
        return self.count


async def test_what_is_costly_is_read_a_tenth_of_the_time() -> None:
    clock = VirtualClock()
    memory, read = Memory(clock.monotonic), Costly(clock, 0.5)
    assert await memory.told("a", read) == 1
    clock.advance(4.9)
    assert await memory.told("a", read) == 1
    clock.advance(0.2)
    assert await memory.told("a", read) == 2
    assert await memory.told("b", read) == 3
    memory.forget()
    assert await memory.told("a", read) == 4


async def test_nothing_is_old_for_long_or_kept_without_end() -> None:
    clock = VirtualClock()
    memory, read = Memory(clock.monotonic), Costly(clock, 60)
    await memory.told("a", read)
    clock.advance(LONGEST + 0.1)
    assert await memory.told("a", read) == 2
    for key in range(MAX_KEPT):
        await memory.told(key, read)
    assert len(memory._known) <= MAX_KEPT


async def test_what_is_cheap_is_always_of_now() -> None:
    clock = VirtualClock()
    memory, read = Memory(clock.monotonic), Costly(clock, 0.01)
    assert [await memory.told("a", read) for _ in range(3)] == [1, 2, 3]
