"""Peers on Redis that are async: FastStream and Taskiq, both on streams with a consumer group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from faststream.redis import RedisBroker, StreamSub
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from benchmarks.apart import Figures
from benchmarks.queues import DATA, LIVE, MESSAGES, PINGS, SINGLE, Consumed
from benchmarks.tables import percentile

Send = Callable[[str, Any], Awaitable[Any]]


class Traffic:
    """What the handlers saw, and what is sent to them: a backlog, then live messages, then single ones."""

    def __init__(self) -> None:
        self.backlog, self.live = Consumed(MESSAGES), Consumed(LIVE)
        self.latencies: list[float] = []

    def handle(self, kind: str, data: Any) -> None:
        if kind == "job":
            self.backlog.one()
        elif kind == "live":
            self.live.one()
        else:
            self.latencies.append(time.perf_counter() - data["sent"])

    async def fill(self, send: Send) -> float:
        """The backlog; messages per second sent one by one."""
        began = time.perf_counter()
        for _ in range(SINGLE):
            await send("job", DATA)
        single = SINGLE / (time.perf_counter() - began)
        for _ in range(MESSAGES - SINGLE):
            await send("job", DATA)
        return single

    async def finish(self, send: Send, single: float) -> Figures:
        """Wait for the backlog, then send while the worker runs."""
        await self.backlog.all.wait()
        for _ in range(LIVE):
            await send("live", DATA)
        await self.live.all.wait()
        for _ in range(PINGS):
            await asyncio.sleep(0.005)
            await send("ping", {"sent": time.perf_counter()})
        await asyncio.sleep(0.5)
        return {
            "enqueue": single,
            "consume": self.backlog.rate,
            "live": self.live.rate,
            "p50": percentile(self.latencies, 0.5) * 1000,
            "p99": percentile(self.latencies, 0.99) * 1000,
        }


async def faststream(url: str) -> Figures:
    """A subscriber to a stream with a group, as its page on consumer groups has it, and 100 workers."""
    traffic, broker = Traffic(), RedisBroker(url, logger=None)
    where = StreamSub("stream", group="group", consumer="me", max_records=100, last_id=">", polling_interval=100)

    @broker.subscriber(stream=where, max_workers=100)
    async def job(body: dict[str, Any]) -> None:
        traffic.handle(body["kind"], body["data"])

    async def send(kind: str, data: Any) -> None:
        await broker.publish({"kind": kind, "data": data}, stream="stream")

    await broker.connect()
    await broker._connection.xgroup_create("stream", "group", id="0", mkstream=True)
    single = await traffic.fill(send)
    await broker.start()
    figures = await traffic.finish(send, single)
    await broker.stop()
    return figures


async def taskiq(url: str) -> Figures:
    """The stream broker, which acknowledges; its worker's default of 100 tasks at once."""
    traffic, broker = Traffic(), RedisStreamBroker(url)

    @broker.task(task_name="job")
    async def job(kind: str, data: dict[str, Any]) -> None:
        traffic.handle(kind, data)

    async def send(kind: str, data: Any) -> None:
        await job.kiq(kind, data)

    await broker.startup()
    single = await traffic.fill(send)
    running = asyncio.create_task(run_receiver_task(broker, max_async_tasks=100))
    figures = await traffic.finish(send, single)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return figures
