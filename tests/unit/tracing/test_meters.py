"""Metrics: what is counted where the app has a meter provider, and the line of the log for each dead letter."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from opentelemetry.metrics import _internal as inside
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from motia import Discard, FlowContext, Motia, QueueConfig, Worker, queue, step
from motia.queues.base import DeadQuery, Demand
from motia.tracing import meters, traceparent_of
from motia.worker.deaths import lost

ONCE = QueueConfig(max_retries=0)
AGAIN = QueueConfig(max_retries=1, backoff_type="fixed", backoff_delay_ms=0)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    made = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[made])
    monkeypatch.setattr(inside, "_METER_PROVIDER", provider)
    yield made
    provider.shutdown()


def told(reader: InMemoryMetricReader) -> dict[str, dict[tuple[str, ...], Any]]:
    """By metric and values of its attributes, the count, and of histograms the point itself."""
    found: dict[str, dict[tuple[str, ...], Any]] = {}
    data = reader.get_metrics_data()
    for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
        for point in metric.data.data_points:
            value = getattr(point, "value", point)
            found.setdefault(metric.name, {})[tuple(str(item) for item in (point.attributes or {}).values())] = value
    return found


@step("good", triggers=[queue("t")])
async def good(data: Any) -> None:
    await anyio.sleep(0.02)


@step("committed", triggers=[queue("t")])
async def committed(data: Any, ctx: FlowContext[Any]) -> None:
    async with ctx.transaction():
        await ctx.state.set("g", "k", data)


@step("bad", triggers=[queue("t", config=AGAIN)])
async def bad(data: Any) -> None:
    raise ValueError("the reason\nof the secret password=hunter2")


@step("refuses", triggers=[queue("t")])
async def refuses(data: Any) -> None:
    raise Discard("not wanted")


@step("slow", triggers=[queue("t", config=QueueConfig(max_retries=0, timeout=0.05))])
async def slow(data: Any) -> None:
    await anyio.sleep(30)


async def worked(*steps: Any) -> None:
    motia = Motia("memory:", steps=steps)
    async with motia:
        await motia.enqueue("t", {})
        with anyio.fail_after(20):
            await Worker(motia).run(drain=True)
            queue_ = motia.running.backend.working.queue
            while any(item.scheduled for item in await queue_.stats()):
                await Worker(motia).run(drain=True)


async def test_every_delivery_is_counted_with_its_outcome(reader: InMemoryMetricReader) -> None:
    await worked(good, committed, bad, refuses, slow)
    found = told(reader)
    assert found["motia.deliveries"] == {
        ("good", "done"): 1,
        ("committed", "done"): 1,
        ("bad", "retry"): 1,
        ("bad", "dead"): 1,
        ("refuses", "dead"): 1,
        ("slow", "dead"): 1,
    }
    assert found["motia.dead"] == {("bad", "failed"): 1, ("refuses", "discarded"): 1, ("slow", "timeout"): 1}
    duration = found["motia.delivery.duration"]["good", "done"]
    assert (duration.count, duration.explicit_bounds) == (1, meters.BOUNDS)
    assert 0.02 <= duration.sum < 5
    assert found["motia.delivery.wait"]["bad",].count == 2
    assert 0 <= found["motia.delivery.wait"]["good",].sum < 5


async def test_a_dead_letter_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    motia = Motia("memory:", steps=[bad])
    async with motia:
        await motia.enqueue("t", {})
        with anyio.fail_after(20):
            while not (letters := await motia.running.backend.working.queue.dead(DeadQuery())):
                await Worker(motia).run(drain=True)
    (line,) = [record for record in caplog.records if record.getMessage().startswith("dead letter: ")]
    trace = traceparent_of(letters[0].traceparent)
    assert trace is not None
    assert line.levelno == logging.ERROR
    assert f"{letters[0].id}, reason failed, trace {trace.trace_id}: " in line.getMessage()
    assert "hunter2" not in line.getMessage()
    assert line.motia == {  # type: ignore[attr-defined]  # ours
        "step": "bad", "trace_id": trace.trace_id, "delivery_id": letters[0].id, "reason": "failed"
    }  # fmt: skip


async def test_a_delivery_that_kills_its_workers_is_counted_by_who_takes_it_back(
    reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    motia = Motia("memory:", steps=[good])
    async with motia:
        waiting = motia.running.backend.waiting.queue
        await motia.enqueue("t", {})
        for crashes in range(3):
            demand = Demand("w", 5, ["good#t"], suspects=crashes > 0)
            assert len((await waiting.exchange([], demand)).deliveries) == 1
            assert await waiting.abandon("w", lost) == 1
    assert told(reader)["motia.dead"] == {("good", "worker_lost"): 1}
    assert [record.levelname for record in caplog.records if "reason worker_lost" in record.getMessage()] == ["ERROR"]


async def test_without_a_provider_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_instruments", None)
    assert not meters.is_measured()
    await worked(good, bad)
