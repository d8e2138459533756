"""A worker forgets what is too old, and what is too much."""

from __future__ import annotations

import anyio

from motia import Motia, MotiaSettings, Worker
from motia.testing.conformance.traces import SECOND, names, span
from motia.traces.base import PRUNE_BATCH, TraceFilter
from motia.traces.tidying import DAY_US, tidy


async def test_a_worker_forgets_old_traces_though_nothing_is_recorded() -> None:
    app = Motia("memory:", settings=MotiaSettings(traces=False, traces_keep=1))
    async with app:
        traces = app.running.backend.working.traces
        assert traces is not None
        now = int(app.running.clock.now() * SECOND)
        await traces.append([span(1, start=now - 2 * DAY_US), span(2, start=now - DAY_US // 2)])
        async with Worker(app):
            with anyio.fail_after(10):
                while names(await traces.traces(TraceFilter())) != [2]:
                    await anyio.sleep(0.01)


async def test_more_than_one_batch_is_forgotten_at_once() -> None:
    settings = MotiaSettings(traces_limit=3)
    async with Motia("memory:", settings=settings) as app:
        traces, clock = app.running.backend.working.traces, app.running.clock
        assert traces is not None
        now = int(clock.now() * SECOND)
        await traces.append([span(number, start=now + number) for number in range(PRUNE_BATCH + 10)])
        assert await tidy(traces, settings, clock) == PRUNE_BATCH + 7
        assert (await traces.traces(TraceFilter())).total == 3
