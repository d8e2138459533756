"""Forgetting what is too old, or too much."""

from __future__ import annotations

from motia.clock import Clock
from motia.config import MotiaSettings
from motia.traces.base import PRUNE_BATCH, TraceStore

DAY_US = 86_400_000_000


async def tidy(store: TraceStore, settings: MotiaSettings, clock: Clock) -> int:
    """Forget traces past their time and beyond the number that is kept, a batch at a time; how many."""
    before = int(clock.now() * 1e6 - settings.traces_keep * DAY_US)
    total = 0
    while (count := await store.prune(settings.traces_limit, before)) > 0:
        total += count
        if count < PRUNE_BATCH:
            break
    return total
