"""Cron: fires each tick of each schedule once, however many workers run.

The tick is computed from the schedule, never from the time at which a worker wakes. Recording it and publishing its
delivery are one transaction, tried by every worker; the first one wins.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio

from motia.clock import Clock
from motia.codec import dumps
from motia.messages import Message, ScheduleState, new_id
from motia.plans import Plan
from motia.queues.base import Queue
from motia.tracing import new_trace

MISFIRE_WINDOW = 3600.0
"""Seconds for which a tick that no worker was there for is made up for, as one run of the latest."""
MAX_SLEEP = 30.0
"""Seconds between looks at the clock, which may be set at any time."""
CATCH_UP = int(MISFIRE_WINDOW)
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
        messages = []
        if ticks:
            payload = dumps({"scheduled_time": moment, "missed": len(ticks) - 1})
            messages = [Message(new_id(), id, payload, new_trace().traceparent)]
        else:
            _log.warning("%s: its last tick is more than %g s ago and was skipped", id, MISFIRE_WINDOW)
        recorded = await self._queue.tick(id, moment, messages)
        self._last[id] = moment  # not before: where the queue is away, the tick is still to come
        return recorded and bool(messages)
