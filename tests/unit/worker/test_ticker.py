from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from motia import FlowContext, Motia, QueueUnavailable, cron, step
from motia.testing import MotiaTester, VirtualClock
from motia.worker.ticker import Ticker


def hourly(runs: list[Any]) -> Any:
    @step("hourly", triggers=[cron("0 * * * *")])
    async def job(ctx: FlowContext[Any]) -> None:
        runs.append((ctx.trigger.scheduled_time, ctx.trigger.missed))

    return job


async def test_each_tick_runs_once_at_its_time() -> None:
    runs: list[Any] = []
    async with MotiaTester(Motia("memory:", steps=[hourly(runs)])) as t:
        await t.wait_idle()
        assert runs == [], "the past is not made up for at the first start"
        await t.advance(hours=3)
    start = datetime(2030, 1, 1, tzinfo=UTC)
    assert runs == [(start + timedelta(hours=n), 0) for n in (1, 2, 3)]


async def test_two_tickers_fire_a_tick_once() -> None:
    clock = VirtualClock()
    motia = Motia("memory:", steps=[hourly([])], clock=clock)
    async with motia:
        parts = motia.running
        tickers = [Ticker(parts.backend.waiting.queue, parts.registry.schedules, clock) for _ in range(2)]
        assert [await ticker.fire_due() for ticker in tickers] == [0, 0]
        clock.advance(3600)
        assert [await ticker.fire_due() for ticker in tickers] == [1, 0]
        stats = {item.id: item for item in await parts.backend.waiting.queue.stats()}
        assert stats["hourly#$cron/0 * * * *"].ready == 1


async def test_missed_ticks_are_one_run_of_the_latest() -> None:
    clock = VirtualClock()
    runs: list[Any] = []

    @step("often", triggers=[cron("*/10 * * * *")])
    async def often(ctx: FlowContext[Any]) -> None:
        runs.append((ctx.trigger.scheduled_time, ctx.trigger.missed))

    async with MotiaTester(Motia("memory:", steps=[often]), clock) as t:
        clock.advance(45 * 60)  # no worker looked meanwhile
        await t.wait_idle()
        assert runs == [(datetime(2030, 1, 1, 0, 40, tzinfo=UTC), 3)]


async def test_a_tick_beyond_the_window_is_skipped() -> None:
    clock = VirtualClock()
    runs: list[Any] = []
    async with MotiaTester(Motia("memory:", steps=[daily(runs)]), clock) as t:
        clock.advance(30 * 3600)
        await t.wait_idle()
        assert runs == []
        await t.advance(days=1)
        assert len(runs) == 1


def daily(runs: list[Any]) -> Any:
    @step("daily", triggers=[cron("0 0 * * *")])
    def job(ctx: Any) -> None:
        runs.append(ctx.trigger.scheduled_time)

    return job


async def test_a_cron_handler_that_takes_an_input_gets_none() -> None:
    got: list[Any] = []

    @step("c", triggers=[cron("0 * * * *")])
    async def c(event: Any, ctx: FlowContext[Any]) -> None:
        got.append((event, ctx.is_cron(), ctx.trigger.expression))

    async with MotiaTester(Motia("memory:", steps=[c])) as t:
        await t.advance(hours=1)
    assert got == [(None, True, "0 * * * *")]


async def test_a_tick_that_cannot_be_recorded_is_fired_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    async with Motia("memory:", steps=[hourly([])], clock=clock) as motia:
        parts = motia.running
        queue = parts.backend.waiting.queue
        ticker = Ticker(queue, parts.registry.schedules, clock)
        await ticker.fire_due()
        clock.advance(3600)

        async def away(*args: Any) -> bool:
            raise QueueUnavailable("the server is away")

        with monkeypatch.context() as patched:
            patched.setattr(queue, "tick", away)
            with pytest.raises(QueueUnavailable):
                await ticker.fire_due()
        assert await ticker.fire_due() == 1
