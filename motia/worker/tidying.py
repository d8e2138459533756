"""Forgetting old traces, also those of processes that record no more."""

from __future__ import annotations

import anyio

from motia.clock import Clock
from motia.config import MotiaSettings
from motia.traces.base import TraceStore
from motia.traces.tidying import tidy

INTERVAL = 600.0
"""Seconds between two looks; a process that records looks by itself, and more often."""


async def keep_tidy(store: TraceStore, settings: MotiaSettings, clock: Clock) -> None:
    """Forget what is too old every few minutes. Runs for ever."""
    while True:
        await tidy(store, settings, clock)
        await anyio.sleep(INTERVAL)
