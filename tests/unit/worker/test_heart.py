"""Taking back lapsed leases: not those of workers that stood still together with us."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from motia import Motia, queue, step
from motia.queues.base import Demand
from motia.worker import heart

LEASE = 0.4


@step("t", triggers=[queue("t")])
async def t(data: Any) -> None: ...


async def test_after_standing_still_ourselves_the_others_have_a_lease_to_wake_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heart, "REAP_INTERVAL", 0.02)
    async with Motia("memory:", steps=[t]) as motia, anyio.create_task_group() as tasks:
        parts = motia.running
        waiting = parts.backend.waiting
        await motia.enqueue("t", 1)
        (held,) = (await waiting.queue.exchange([], Demand("colleague", 1, {"t#t"}, LEASE))).deliveries
        tasks.start_soon(lambda: heart.reap(waiting.queue, waiting.store, waiting.streams, LEASE, amnesty=False))
        await anyio.sleep(0.05)
        time.sleep(2 * LEASE)  # the whole machine sleeps
        woken = time.monotonic()
        with anyio.fail_after(10):
            while not await waiting.queue.suspects():
                await anyio.sleep(0.01)
        assert time.monotonic() - woken >= LEASE * 0.9, "its lease had lapsed, but so had everybody's"
        assert held.attempt == 1
        tasks.cancel_scope.cancel()


async def test_a_claim_that_nobody_heard_of_is_handed_back_though_nothing_runs() -> None:
    """The server commits a claim and dies before it answers: its lease must not be renewed for ever."""
    async with Motia("memory:", steps=[t]) as motia, anyio.create_task_group() as tasks:
        waiting = motia.running.backend.waiting.queue
        demand = Demand("us", 1, {"t#t"}, LEASE)
        await motia.enqueue("t", 1)
        assert (await waiting.exchange([], demand)).deliveries, "and the answer is lost"
        tasks.start_soon(heart.beat, waiting, "us", LEASE, [])
        with anyio.fail_after(10):
            while not (again := (await waiting.exchange([], demand)).deliveries):
                await anyio.sleep(0.01)
        assert again[0].attempt == 1, "it has burnt no attempt"
        tasks.cancel_scope.cancel()
