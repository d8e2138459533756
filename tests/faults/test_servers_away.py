"""The server restarts, hangs, or cannot be reached, under load: nothing is lost, nobody exits, the pace comes back.

Each test has a server of its own. What is measured is printed; run with ``-s`` to read it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from motia import Motia, MotiaSettings, http, queue, step
from motia.integrations.fastapi import mount
from tests.faults.harness import Ground, children, eventually
from tests.faults.proxy import Proxy, proxied
from tests.faults.sending import Producer, producing, throughput
from tests.faults.servers import Server

pytestmark = [
    pytest.mark.service,
    pytest.mark.parametrize("server", ["redis", "postgresql", "mysql"], indirect=True),
]
HURRY = 5.5
"""Seconds within which a producer must hear that the server is away: the deadline, and a busy machine."""
RECOVERED = 0.8
"""The part of its pace that a worker must have again."""


@contextmanager
def under_load(ground: Ground) -> Iterator[Producer]:
    """A worker and a producer; after the block nothing is lost, nobody has exited, and the pace is as before."""
    ground.command("migrate")
    worker = ground.worker("-c", "8")
    (before,) = eventually(lambda: children(worker), within=20, what="a worker process")
    pace = throughput(ground, 10**6)
    with producing(ground) as producer:
        eventually(lambda: len(producer.accepted) > 50, within=20, what="load")
        yield producer
        sending_again(producer)
    eventually(lambda: ground.ends().keys() >= producer.accepted, within=60, what="every accepted message handled")
    again = recovered(ground, RECOVERED * pace)
    twice = sum(count - 1 for count in ground.ends().values())
    slowest = max(producer.refused, default=0.0)
    print(
        f"\n{len(producer.accepted)} accepted, lost 0, handled twice {twice}; {len(producer.refused)} refused, "
        f"slowest {slowest:.2f} s; {pace:.0f}/s before, {again:.0f}/s after"
    )
    assert slowest <= HURRY
    assert children(worker) == [before], "no worker process exits"
    assert worker.poll() is None
    assert ground.dead_letters() == []
    assert again >= RECOVERED * pace


def recovered(ground: Ground, enough: float) -> float:
    """The best pace of a few bursts: one alone says as much about what else the machine does."""
    best = 0.0
    for burst in range(2, 8):
        best = max(best, throughput(ground, burst * 10**6))
        if best >= enough:
            break
    return best


@pytest.fixture
def line(server: Server) -> Iterator[Proxy]:
    with proxied(server.port) as proxy:
        yield proxy


@pytest.fixture
def far_ground(tmp_path: Path, server: Server, line: Proxy) -> Iterator[Ground]:
    """A ground on the server, by way of the proxy."""
    made = Ground(tmp_path, server.url(line.port))
    yield made
    made.close()


def sending_again(producer: Producer) -> None:
    goal = len(producer.accepted) + 50
    eventually(lambda: len(producer.accepted) > goal, within=40, what="sending again")


@pytest.mark.timeout(240)
def test_a_bad_day(server: Server, line: Proxy, far_ground: Ground) -> None:
    """A little of everything below, in one run."""
    with under_load(far_ground) as producer:
        for down in (0.0, 0.4):
            server.restart(down=down)
            sending_again(producer)
        line.cut()
        time.sleep(1.0)  # the time itself
        line.mend()
        sending_again(producer)
        refused = len(producer.refused)
        server.pause()
        eventually(lambda: len(producer.refused) > refused, within=2 * HURRY, what="who sends hears of it")
        server.resume()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_when_the_server_is_killed_twenty_times(server: Server, server_ground: Ground) -> None:
    spread = random.Random(11)
    with under_load(server_ground) as producer:
        for _ in range(20):
            server.restart(down=spread.uniform(0.0, 0.5))
            sending_again(producer)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_that_hangs_for_a_minute(server: Server, server_ground: Ground) -> None:
    with under_load(server_ground) as producer:
        server.pause()
        time.sleep(60)  # the time itself
        server.resume()
        assert producer.refused, "who sends hears of it"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["cut", "silence"])
def test_a_line_that_is_cut_for_a_minute(line: Proxy, far_ground: Ground, kind: str) -> None:
    with under_load(far_ground) as producer:
        line.cut() if kind == "cut" else line.silence()
        time.sleep(60)  # the time itself
        line.mend()
        assert producer.refused, "who sends hears of it"


async def test_a_request_that_cannot_send_is_told_so(server: Server) -> None:
    @step("order", triggers=[http("POST", "/orders")], enqueues=["t"])
    async def order(req: Any, ctx: Any) -> dict[str, bool]:
        await ctx.enqueue("t", {"n": 1})
        return {"ok": True}

    @step("order-sync", triggers=[http("POST", "/orders-sync")], enqueues=["t"])
    def order_sync(req: Any, ctx: Any) -> dict[str, bool]:
        ctx.enqueue("t", {"n": 1})
        return {"ok": True}

    @step("job", triggers=[queue("t")])
    async def job(data: Any, ctx: Any) -> None:
        """Wants the message."""

    app = FastAPI()
    motia = Motia(server.url(), steps=[order, order_sync, job], settings=MotiaSettings(busy_timeout=1))
    mount(app, motia, worker=False)
    transport = httpx2.ASGITransport(app)
    async with motia, httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in ("/orders", "/orders-sync"):
            assert (await client.post(path)).status_code == 200
            for away, back in ((server.kill, server.start), (server.pause, server.resume)):
                away()
                began = time.monotonic()
                answer = await client.post(path)
                took = time.monotonic() - began
                back()
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
                assert took <= 1.7  # the deadline, and a busy machine
                assert (await client.post(path)).status_code == 200
