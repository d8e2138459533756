"""Cron: fires each tick of each schedule once, however many workers run.

The tick is computed from the schedule, never from the time at which a worker wakes. Recording it and publishing its
delivery are one transaction, tried by every worker; the first one wins.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import anyio

from motia.clock import Clock
from motia.codec import dumps
from motia.messages import Message, ScheduleState, new_id
from motia.plans import Plan
from motia.queues.base import Queue
from motia.tracing import new_trace
from motia.triggers import CronTrigger

MISFIRE_WINDOW = 3600.0
"""Seconds for which a tick that no worker was there for is made up for, as one run of the latest."""
MAX_SLEEP = 30.0
"""Seconds between looks at the clock, which may be set at any time."""
CATCH_UP = int(MISFIRE_WINDOW)
MADE_UP = 100
"""Runs at most that one look makes up for with ``misfire="all"``."""
ON_TIME = 60.0
"""Seconds after which a tick has been missed, for ``misfire="skip"``: more than workers sleep."""
_log = logging.getLogger("motia.cron")


class Ticker:
    """Fires schedules.

    Args:
        queue: where ticks are recorded and their deliveries go.
        schedules: plans of cron triggers by schedule id.
        clock: the wall time that schedules are about.
    """

    def __init__(self, queue: Queue, schedules: Mapping[str, Plan], clock: Clock) -> None:
        self._queue = queue
        self._schedules = schedules
        self._clock = clock
        self._last: dict[str, float] = {}

    async def run(self) -> None:
        """Fire until cancelled."""
        while self._schedules:
            await self.fire_due()
            delay = self.next_tick() - self._clock.now()
            await anyio.sleep(min(max(delay, 0.0), MAX_SLEEP))

    def next_tick(self) -> float:
        """Wall time of the next tick of any schedule; infinity when there is none."""
        moments = [self._next(id, plan) for id, plan in self._schedules.items()]
        return min((moment for moment in moments if moment is not None), default=float("inf"))

    def _next(self, id: str, plan: Plan) -> float | None:
        assert plan.schedule is not None
        moment = plan.schedule.next_after(self._last.get(id, self._clock.now()))
        return None if moment is None else moment.timestamp()

    async def fire_due(self) -> int:
        """Fire every schedule that has a tick between its last one and now; how many did."""
        if self._last.keys() != self._schedules.keys():
            await self._begin()
        now = self._clock.now()
        fired = 0
        for id, plan in self._schedules.items():
            moment = self._next(id, plan)
            if moment is not None and moment <= now:
                fired += await self._fire(id, plan, now)
        return fired

    async def _begin(self) -> None:
        """Start from what is recorded; a schedule nobody has seen before starts now."""
        known = await self._queue.schedules()
        now = self._clock.now()
        for id in self._schedules:
            if id not in known:
                await self._queue.tick(id, now, [])
            self._last[id] = known.get(id, ScheduleState(now, False)).last_tick

    async def _fire(self, id: str, plan: Plan, now: float) -> bool:
        assert plan.schedule is not None
        since = max(self._last[id], now - MISFIRE_WINDOW)
        ticks = plan.schedule.ticks_between(since, now, CATCH_UP)
        moment = ticks[-1].timestamp() if ticks else now
        if not ticks:
            _log.warning("%s: its last tick is more than %g s ago and was skipped", id, MISFIRE_WINDOW)
        messages = _messages(id, cast("CronTrigger", plan.trigger), ticks, now)
        if messages and await self._overlaps(id, cast("CronTrigger", plan.trigger)):
            _log.info("%s: a run of an earlier tick is not finished, so this one was skipped", id)
            messages = []
        recorded = await self._queue.tick(id, moment, messages)
        self._last[id] = moment  # not before: where the queue is away, the tick is still to come
        return recorded and bool(messages)

    async def _overlaps(self, id: str, trigger: CronTrigger) -> bool:
        if trigger.overlap == "allow":
            return False
        stats = (item for item in await self._queue.stats() if item.id == id)
        return any(item.ready or item.scheduled or item.running for item in stats)


def _messages(id: str, trigger: CronTrigger, ticks: Sequence[datetime], now: float) -> list[Message]:
    """One for each tick that is run; the first one tells of those that are not."""
    if not ticks or (trigger.misfire == "skip" and now - ticks[-1].timestamp() > ON_TIME):
        return []
    run = ticks[-MADE_UP:] if trigger.misfire == "all" else ticks[-1:]
    left = [len(ticks) - len(run), *[0] * (len(run) - 1)]
    told = [
        dumps({"scheduled_time": tick.timestamp(), "missed": missed}) for tick, missed in zip(run, left, strict=True)
    ]
    return [Message(new_id(), id, payload, new_trace().traceparent) for payload in told]
