"""One measurement for every backend: sending, consuming, live traffic and waiting, of a no-op ``async def`` step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.tables import percentile
from motia import FlowContext, Motia, MotiaSettings, Worker, queue, step

MESSAGES, SINGLE, BATCH, LIVE, PINGS = 20_000, 5_000, 100, 3_000, 300
CROWDS = {"crowd": 10, "throng": 50}
"""How many senders send at once."""
PAYLOAD = '{"order_id":"0123456789ab","cents":1999}'
DATA = {"order_id": "0123456789ab", "cents": 1999}
FIGURES = ("enqueue", "batch", "consume", "live")


class Consumed:
    """When the handlers ran."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.first = self.last = 0.0
        self.count = 0
        self.all = asyncio.Event()

    def one(self) -> None:
        self.last = time.perf_counter()
        if not self.count:
            self.first = self.last
        self.count += 1
        if self.count == self.expected:
            self.all.set()

    @property
    def rate(self) -> float:
        return (self.count - 1) / (self.last - self.first)


async def send_at_once(senders: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """What many send, each one message at a time."""

    async def send(one: Callable[[], Awaitable[object]]) -> None:
        for _ in range(LIVE // len(senders)):
            await one()

    await asyncio.gather(*map(send, senders))


async def ours(url: str) -> dict[str, float]:
    """Messages per second and milliseconds; one worker in this process, each message acknowledged after its handler."""
    backlog, live, latencies = Consumed(MESSAGES), Consumed(LIVE), list[float]()
    crowds = {name: Consumed(LIVE) for name in CROWDS}

    @step("job", triggers=[queue("job")])
    async def job(data: Any, ctx: FlowContext[Any]) -> None:
        backlog.one()

    @step("live", triggers=[queue("live")])
    async def live_job(data: Any, ctx: FlowContext[Any]) -> None:
        live.one()

    @step("crowd", triggers=[queue(name) for name in CROWDS])
    async def crowd_job(data: Any, ctx: FlowContext[Any]) -> None:
        crowds[ctx.trigger.topic or ""].one()

    @step("ping", triggers=[queue("ping")])
    async def ping(data: Any, ctx: FlowContext[Any]) -> None:
        latencies.append(time.perf_counter() - data["sent"])

    # Half of the slots are claimed at a time: the batches of all the others.
    motia = Motia(url, steps=[job, live_job, crowd_job, ping], settings=MotiaSettings(concurrency=2 * BATCH))
    async with motia:
        began = time.perf_counter()
        for _ in range(SINGLE):
            await motia.enqueue("job", DATA)
        single = SINGLE / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range((MESSAGES - SINGLE) // BATCH):
            await motia.enqueue_many([("job", DATA)] * BATCH)
        batched = (MESSAGES - SINGLE) / (time.perf_counter() - began)
        async with Worker(motia).running():
            await backlog.all.wait()
            for _ in range(LIVE):
                await motia.enqueue("live", DATA)
            await live.all.wait()
            for name, senders in CROWDS.items():
                await send_at_once([partial(motia.enqueue, name, DATA)] * senders)
                await crowds[name].all.wait()
            for _ in range(PINGS):
                await asyncio.sleep(0.005)
                await motia.enqueue("ping", {"sent": time.perf_counter()})
            await asyncio.sleep(0.2)
    return {
        "enqueue": single,
        "batch": batched,
        "consume": backlog.rate,
        "live": live.rate,
        **{name: found.rate for name, found in crowds.items()},
        "p50": percentile(latencies, 0.5) * 1000,
        "p99": percentile(latencies, 0.99) * 1000,
    }
