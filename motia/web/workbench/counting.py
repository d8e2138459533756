"""How often steps ran of late, from the recorded traces; nothing where none are recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from motia.traces.base import Link, Stats, StepStats
from motia.web.workbench import models
from motia.web.workbench.asking import Ask

PARTS = 30
"""Into which a range is cut for a chart."""


class Counted:
    """Counters of a time.

    Args:
        stats: None where nobody counts.

    Attributes:
        known: whether somebody does.
    """

    def __init__(self, stats: Stats | None) -> None:
        self._stats = stats
        self.known = stats is not None

    def of(self, step: str) -> models.StepStats | None:
        """Those of a step; zeros for one that did not run."""
        if self._stats is None:
            return None
        found = self._stats.steps.get(step)
        return _shown(found) if found is not None else models.StepStats(0, 0, None, 0)

    def totals(self, name: str) -> models.Totals | None:
        """Those of all steps together.

        Args:
            name: of the range.
        """
        if self._stats is None:
            return None
        total = self._stats.total
        return models.Totals(total.runs, total.errors + total.retries, _ms(total.p95_us), name)


async def counted(ask: Ask, seconds: int) -> Counted:
    """The counters of the last ``seconds``."""
    store = ask.traces
    if store is None:
        return Counted(None)
    after = int((time.time() - seconds) * 1_000_000)
    return Counted(await ask.memory.told(("runs", seconds), partial(store.stats, after)))


async def metrics(ask: Ask) -> models.Metrics:
    """Runs, failures and p95 over the range."""
    name, seconds = ask.range
    step = seconds * 1_000_000 // PARTS
    store = ask.traces
    if store is None:
        return models.Metrics(name, step // 1000, [])
    # The parts begin at round times, so that they stay what they are from one look to the next.
    after = (int(time.time() * 1_000_000) // step + 1 - PARTS) * step
    found = await ask.memory.told(("history", name), partial(store.history, after, step, PARTS))
    points = [models.Point(item.start_us // 1000, item.runs, item.errors, _ms(item.p95_us)) for item in found]
    return models.Metrics(name, step // 1000, points)


async def linked(ask: Ask, seconds: int) -> Sequence[Link] | None:
    """Which steps set off which in the last ``seconds``; None where nobody records."""
    store = ask.traces
    if store is None:
        return None
    after = int((time.time() - seconds) * 1_000_000)
    return (await ask.memory.told(("links", seconds), partial(store.links, after))).items


def _shown(found: StepStats) -> models.StepStats:
    return models.StepStats(found.runs, found.errors + found.retries, _ms(found.p95_us), found.running)


def _ms(micros: Any) -> float | None:
    return None if micros is None else round(micros / 1000, 1)
