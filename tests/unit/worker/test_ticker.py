from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from motia import ConfigError, FlowContext, Motia, QueueUnavailable, Retry, cron, step
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


def every_ten_minutes(runs: list[Any], **options: Any) -> Any:
    @step("often", triggers=[cron("*/10 * * * *", **options)])
    async def often(ctx: FlowContext[Any]) -> None:
        runs.append((ctx.trigger.scheduled_time.minute, ctx.trigger.missed))

    return often


async def test_each_missed_tick_is_run_where_all_are_wanted() -> None:
    clock, runs = VirtualClock(), list[Any]()
    async with MotiaTester(Motia("memory:", steps=[every_ten_minutes(runs, misfire="all")]), clock) as t:
        clock.advance(45 * 60)
        await t.wait_idle()
        assert sorted(runs) == [(10, 0), (20, 0), (30, 0), (40, 0)]


async def test_of_too_many_missed_ticks_the_latest_hundred_are_run() -> None:
    clock, runs = VirtualClock(), list[Any]()

    @step("often", triggers=[cron("*/10 * * * * *", misfire="all")])
    async def often(ctx: FlowContext[Any]) -> None:
        runs.append(ctx.trigger.missed)

    async with MotiaTester(Motia("memory:", steps=[often]), clock) as t:
        clock.advance(1200)
        await t.wait_idle()
    assert (len(runs), sum(runs)) == (100, 20)


async def test_no_missed_tick_is_run_where_they_are_to_be_skipped() -> None:
    clock, runs = VirtualClock(), list[Any]()
    async with MotiaTester(Motia("memory:", steps=[every_ten_minutes(runs, misfire="skip")]), clock) as t:
        clock.advance(45 * 60)
        await t.wait_idle()
        assert runs == []
        clock.advance(5 * 60 + 30)  # a worker sleeps so long, and has not missed it
        await t.wait_idle()
        assert runs == [(50, 0)]


async def test_a_tick_is_left_out_while_an_earlier_one_is_not_finished() -> None:
    runs: list[Any] = []
    job = every_ten_minutes(runs, overlap="skip")
    async with MotiaTester(Motia("memory:", steps=[job])) as t:
        t.fail_next("often", Retry(after=25 * 60))
        await t.advance(minutes=34)
        assert runs == [], "it is retried at 00:35"
        await t.advance(minutes=7)
        assert runs == [(10, 0), (40, 0)]


def test_what_is_none_of_the_choices_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected misfire to be one of latest, all, skip, got 'never'"):
        cron("* * * * *", misfire="never")  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ConfigError, match="expected overlap to be one of allow, skip, got True"):
        cron("* * * * *", overlap=True)  # type: ignore[arg-type]  # that is the test


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
