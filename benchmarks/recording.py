"""What recording costs: the same runs with it off and on, in turns in one process, counted in CPU time."""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.tables import heading, table
from motia import ApiRequest, FlowContext, Motia, MotiaSettings, Worker, http, queue, step
from motia.web.endpoint import Host, make_router, respond
from motia.web.incoming import Incoming

RUNS = 2_000
ROUNDS = 7
ORDER = {
    "id": "o-1",
    "email": "ada@shop.test",
    "lines": [{"sku": "book", "quantity": 1}, {"sku": "lamp", "quantity": 2}],
}
BODY = b'{"id": "o-1", "email": "ada@shop.test", "lines": [{"sku": "book", "quantity": 1}]}'
_done: list[int] = []


@step("bench-nothing", triggers=[queue("bench.nothing")])
async def nothing(order: Any) -> None:
    _done.append(1)


@step("bench-busy", triggers=[queue("bench.busy")])
async def busy(order: Any, ctx: FlowContext[Any]) -> dict[str, Any]:
    """A run that leaves five records, itself, two lines, a change of state and a message; and another run, skipped."""
    ctx.logger.info("began", id=order["id"])
    await ctx.state.set("orders", order["id"], order)
    await ctx.enqueue("bench.heard", order)
    ctx.logger.info("ended", id=order["id"])
    _done.append(1)
    return {"status": "done"}


@step("bench-heard", triggers=[queue("bench.heard", condition=lambda data, ctx: False)])
async def heard(order: Any) -> None: ...


@step("bench-web", triggers=[http("POST", "/orders")])
async def web(req: ApiRequest[Any]) -> dict[str, Any]:
    return {"status": "accepted", "id": req.body["id"]}


def deliveries(topic: str) -> Callable[[Motia], Awaitable[None]]:
    """Consume a backlog."""

    async def work(app: Motia) -> None:
        _done.clear()
        worker = Worker(app)
        async with worker.running():
            while len(_done) < RUNS:
                await asyncio.sleep(0.005)

    async def prepared(app: Motia) -> None:
        for _ in range(RUNS):  # each in a trace of its own
            await app.enqueue(topic, ORDER)

    work.prepare = prepared  # type: ignore[attr-defined]  # what is not measured
    return work


async def requests(app: Motia) -> None:
    parts = app.running
    endpoint, _ = make_router(parts.registry.http).match("/orders") or (None, None)
    assert endpoint is not None
    plan, host = endpoint.plans["POST"], Host()
    for _ in range(RUNS):
        incoming = Incoming("POST", "/orders", {}, "", {"content-type": "application/json"}, BODY, None)
        await respond(parts.dispatcher, plan, incoming, host)


KINDS: dict[str, Callable[[Motia], Awaitable[None]]] = {
    "delivery, a handler that does nothing": deliveries("bench.nothing"),
    "two deliveries, six records": deliveries("bench.busy"),
    "http request, without a server": requests,
}


async def measure(url: str, work: Callable[[Motia], Awaitable[None]], recorded: bool) -> float:
    """CPU microseconds of a run, all threads together, and until the last record is written."""
    app = Motia(url, steps=[nothing, busy, heard, web], settings=MotiaSettings(traces=recorded))
    await app.open()
    if prepare := getattr(work, "prepare", None):
        await prepare(app)
    gc.collect()
    began = time.process_time()
    await work(app)
    await app.close()
    return (time.process_time() - began) / RUNS * 1e6


def main() -> None:
    heading("recording of runs", "CPU µs of a run, off and on in turns; the median of the rounds")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for place in ("memory", "sqlite"):
            for name, work in KINDS.items():
                found: dict[bool, list[float]] = {False: [], True: []}
                for number in range(ROUNDS):
                    for recorded in (False, True):
                        path = Path(folder) / f"{len(rows)}-{number}-{recorded}.db"
                        url = "memory:" if place == "memory" else f"sqlite:///{path}"
                        found[recorded].append(asyncio.run(measure(url, work, recorded)))
                off, on = statistics.median(found[False]), statistics.median(found[True])
                rows.append([place, name, f"{off:.0f}", f"{on:.0f}", f"{on / off:.2f}"])
    table(["backend", "run", "off", "on", "ratio"], rows)


if __name__ == "__main__":
    main()
