"""The consumer against a real queue in memory: how much, when, and what becomes of what runs."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel, field_validator

from motia import (
    ApiRequest,
    FlowContext,
    Motia,
    MotiaSettings,
    QueueConfig,
    QueueUnavailable,
    SyncFlowContext,
    Worker,
    cron,
    http,
    queue,
    state,
    step,
)
from motia.messages import Message, SubscriptionStats, new_id
from motia.queues.base import DeadQuery
from motia.worker.consumer import POLL, Consumer
from motia.worker.heart import beat_once


@asynccontextmanager
async def consuming(motia: Motia, limit: int = 10, *, suspects: bool = False) -> AsyncIterator[Consumer]:
    parts = motia.running
    made = Consumer(
        parts.backend.waiting.queue,
        parts.dispatcher,
        "owner",
        limit=limit,
        subscriptions=[item.id for item in parts.registry.subscriptions],
        lease=30.0,
        suspects=suspects,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.run)
        try:
            yield made
        finally:
            made.release()


async def wait_for(event: anyio.Event) -> None:
    with anyio.fail_after(10):
        await event.wait()


async def stats(motia: Motia, subscription: str) -> SubscriptionStats:
    found = await motia.running.backend.waiting.queue.stats()
    return next(item for item in found if item.id == subscription)


class Gate:
    """Handlers wait here; the test sees how many there are."""

    def __init__(self) -> None:
        self.inside = self.most = self.passed = 0
        self.open = anyio.Event()

    async def enter(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        self.passed += 1

    async def reached(self, count: int) -> None:
        with anyio.fail_after(10):
            while self.inside < count:
                await anyio.sleep(0.002)

    async def all_passed(self, count: int) -> None:
        with anyio.fail_after(10):
            while self.passed < count:
                await anyio.sleep(0.002)


async def test_no_more_is_claimed_than_there_are_free_slots() -> None:
    gate = Gate()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue_many([("t", n) for n in range(20)])
        async with consuming(motia, limit=4):
            await gate.reached(4)
            counts = await stats(motia, "t#t")
            assert (counts.running, counts.ready) == (4, 16)
            gate.open.set()
            await gate.all_passed(20)
    assert gate.most == 4


async def test_a_server_is_asked_for_one_half_while_the_other_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked = Gate(), list[int]()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia:
        server = motia.running.backend.waiting.queue
        monkeypatch.setattr(server, "capabilities", replace(server.capabilities, remote=True))
        exchange = server.exchange

        async def counted(settlements: Any, demand: Any = None) -> Any:
            asked.append(demand.limit if demand else 0)
            return await exchange(settlements, demand)

        monkeypatch.setattr(server, "exchange", counted)
        await motia.enqueue_many([("t", n) for n in range(100)])
        async with consuming(motia):
            await gate.reached(10)
            assert asked == [5, 5]
            gate.open.set()
            await gate.all_passed(100)
    assert gate.most == 10


async def test_handlers_that_never_wait_leave_turns_to_the_rest_of_the_loop() -> None:
    turns = 0

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        until = time.monotonic() + 0.002
        while time.monotonic() < until:
            pass

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue_many([("t", n) for n in range(50)])
        async with consuming(motia, limit=50) as consumer, anyio.create_task_group() as tasks:

            async def turning() -> None:
                nonlocal turns
                while True:
                    await anyio.sleep(0)
                    turns += bool(consumer.running)

            tasks.start_soon(turning)
            with anyio.fail_after(10):
                while (await stats(motia, "t#t")).running or (await stats(motia, "t#t")).ready:
                    await anyio.sleep(0.002)
            tasks.cancel_scope.cancel()
    assert turns >= 40


async def test_stopping_finishes_what_runs_and_claims_nothing_more() -> None:
    gate = Gate()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue_many([("t", n) for n in range(5)])
        async with consuming(motia, limit=2) as consumer:
            await gate.reached(2)
            consumer.stop()
            gate.open.set()
            await gate.all_passed(2)
        counts = await stats(motia, "t#t")
        assert (counts.running, counts.ready) == (0, 3)


async def test_releasing_hands_back_without_burning_attempts() -> None:
    gate, attempts = Gate(), []

    @step("t", triggers=[queue("t")])
    async def t(data: Any, ctx: FlowContext[Any]) -> None:
        attempts.append(ctx.attempt)
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue("t", 1)
        for _ in range(3):
            async with consuming(motia):
                await gate.reached(1)
        assert (await stats(motia, "t#t")).ready == 1
    assert attempts == [1, 1, 1]


async def test_a_handler_past_its_limit_is_cancelled_and_its_attempt_failed() -> None:
    cancelled = anyio.Event()

    @step("t", triggers=[queue("t", config=QueueConfig(timeout=0.05, max_retries=0))])
    async def t(data: Any) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue("t", 1)
        began = time.monotonic()
        async with consuming(motia):
            await wait_for(cancelled)
            assert time.monotonic() - began < POLL / 2, "at its time, and not at the next look at the queue"
        (letter,) = await motia.running.backend.waiting.queue.dead(DeadQuery())
    assert (letter.reason, letter.attempts) == ("timeout", 1)


async def test_a_thread_past_its_limit_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    release, started, turns = threading.Event(), threading.Event(), 0

    @step("t", triggers=[queue("t", config=QueueConfig(timeout=0.05))])
    def t(data: Any) -> None:
        started.set()
        assert release.wait(10)

    async with Motia("memory:", steps=[t]) as motia:
        queue_ = motia.running.backend.waiting.queue
        exchange = queue_.exchange

        async def counting(settlements: Any, demand: Any = None) -> Any:
            nonlocal turns
            turns += 1
            return await exchange(settlements, demand)

        monkeypatch.setattr(queue_, "exchange", counting)
        await motia.enqueue("t", 1)
        async with consuming(motia):
            with anyio.fail_after(10):
                while not started.is_set():
                    await anyio.sleep(0.005)
            await anyio.sleep(0.5)  # the time in which there is nothing to do
            release.set()
    assert turns < 10


async def test_context_variables_do_not_leak_into_the_next_delivery() -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")
    seen: list[str] = []
    done = anyio.Event()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        seen.append(tenant.get())
        tenant.set(f"tenant {data}")
        if len(seen) == 20:
            done.set()

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue_many([("t", n) for n in range(20)])
        async with consuming(motia, limit=1):
            await wait_for(done)
    assert set(seen) == {"nobody"}


async def test_blocking_handlers_run_on_threads_of_their_own() -> None:
    done = anyio.Event()
    loop_thread: list[bool] = []

    @step("t", triggers=[queue("t")])
    def t(data: Any, ctx: SyncFlowContext[Any]) -> None:
        loop_thread.append(threading.current_thread() is threading.main_thread())
        ctx.enqueue("next", data)

    @step("next", triggers=[queue("next")])
    async def following(data: Any) -> None:
        done.set()

    async with Motia("memory:", steps=[t, following]) as motia:
        await motia.enqueue("t", 1)
        async with consuming(motia):
            await wait_for(done)
    assert loop_thread == [False]


async def test_what_is_finished_while_the_queue_is_away_is_told_later(tmp_path: Path) -> None:
    gate, path = Gate(), tmp_path / "away.db"

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    settings = MotiaSettings(busy_timeout=0.05)
    async with Motia(f"sqlite:///{path}", steps=[t], settings=settings) as motia:
        await motia.enqueue("t", 1)
        async with consuming(motia):
            await gate.reached(1)
            locker = sqlite3.connect(path, isolation_level=None)
            locker.execute("BEGIN IMMEDIATE")
            gate.open.set()
            await gate.all_passed(1)
            await anyio.sleep(0.2)  # longer than the deadline: the first try must have failed
            locker.execute("COMMIT")
            locker.close()
            with anyio.fail_after(10):
                while (await stats(motia, "t#t")).running:
                    await anyio.sleep(0.01)
        counts = await stats(motia, "t#t")
    assert (counts.ready, counts.running, gate.passed) == (0, 0, 1)


async def test_a_lost_lease_cancels_the_handler() -> None:
    gate = Gate()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia:
        await motia.enqueue("t", 1)
        async with consuming(motia) as consumer:
            await gate.reached(1)
            queue_ = motia.running.backend.waiting.queue
            await queue_.abandon("owner")
            await beat_once(queue_, "owner", 30.0, [consumer])
            with anyio.fail_after(5):
                while gate.inside:
                    await anyio.sleep(0.002)
        assert (await motia.running.backend.waiting.queue.suspects()) == 1


async def test_a_cancelled_message_stops_at_the_next_beat() -> None:
    gate = Gate()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia:
        receipt = await motia.enqueue("t", 1)
        async with consuming(motia) as consumer:
            await gate.reached(1)
            assert await motia.cancel(receipt.message_id)
            await beat_once(motia.running.backend.waiting.queue, "owner", 30.0, [consumer])
            with anyio.fail_after(5):
                while (await stats(motia, "t#t")).running:
                    await anyio.sleep(0.002)
        counts = await stats(motia, "t#t")
    assert (counts.ready, counts.dead) == (0, 0)


async def test_a_thread_learns_that_it_was_cancelled_and_its_delivery_is_forgotten() -> None:
    started, told = threading.Event(), threading.Event()

    @step("t", triggers=[queue("t")])
    def t(data: Any, ctx: SyncFlowContext[Any]) -> None:
        started.set()
        assert told.wait(10)
        ctx.check()

    async with Motia("memory:", steps=[t]) as motia:
        receipt = await motia.enqueue("t", 1)
        async with consuming(motia) as consumer:
            with anyio.fail_after(10):
                while not started.is_set():
                    await anyio.sleep(0.002)
                assert await motia.cancel(receipt.message_id)
                await beat_once(motia.running.backend.waiting.queue, "owner", 30.0, [consumer])
                told.set()
                while (await stats(motia, "t#t")).running:
                    await anyio.sleep(0.002)
        counts = await stats(motia, "t#t")
    assert (counts.ready, counts.scheduled, counts.dead) == (0, 0, 0)


async def test_a_claim_whose_answer_was_lost_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    @step("t", triggers=[queue("t")])
    async def t(data: int, ctx: FlowContext[Any]) -> None:
        ran.append(ctx.attempt)

    async with Motia("memory:", steps=[t]) as motia:
        queue_ = motia.running.backend.waiting.queue
        exchange, lost = queue_.exchange, anyio.Event()

        async def losing(settlements: Any, demand: Any = None) -> Any:
            answer = await exchange(settlements, demand)
            if answer.deliveries and not lost.is_set():
                lost.set()
                raise QueueUnavailable("the connection broke after the commit")
            return answer

        monkeypatch.setattr(queue_, "exchange", losing)
        await motia.enqueue("t", 1)
        async with consuming(motia) as consumer:
            with anyio.fail_after(5):
                await lost.wait()
                while not consumer.unsure:
                    await anyio.sleep(0.002)
                strange = await beat_once(queue_, "owner", 30.0, [consumer])
                assert len(strange) == 1
                assert (await stats(motia, "t#t")).running == 1  # it may still be on its way
                assert await beat_once(queue_, "owner", 30.0, [consumer], strange) == set()
                while not ran:
                    await anyio.sleep(0.002)
                assert consumer.unsure
                assert await beat_once(queue_, "owner", 30.0, [consumer]) == set()
                assert not consumer.unsure
    assert ran == [1]


class Picky(BaseModel):
    """A model whose validator raises what pydantic does not expect."""

    n: int

    @field_validator("n")
    @classmethod
    def _raises(cls, value: int) -> int:
        raise KeyError("a bug in a validator")


@step("exits", triggers=[queue("bad", config=QueueConfig(max_retries=0))])
async def exits(data: Any) -> None:
    raise SystemExit("a handler must not end its worker")


@step("exits-blocking", triggers=[queue("bad", config=QueueConfig(max_retries=0))])
def exits_blocking(data: Any) -> None:
    raise SystemExit("a handler must not end its worker")


@step("awaits-cancelled", triggers=[queue("bad", config=QueueConfig(max_retries=0))])
async def awaits_cancelled(data: Any) -> None:
    raise asyncio.CancelledError("of a task of the handler's own")


@step("picky", triggers=[queue("bad", config=QueueConfig(max_retries=0))])
async def picky(data: Picky) -> None: ...


async def test_nothing_that_a_handler_raises_ends_the_worker() -> None:
    gate = Gate()

    @step("good", triggers=[queue("good")])
    async def good(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[exits, exits_blocking, awaits_cancelled, picky, good]) as motia:
        await motia.enqueue("good", 1)
        async with consuming(motia):
            await gate.reached(1)
            await motia.enqueue("bad", {"n": 1})
            queue_ = motia.running.backend.waiting.queue
            with anyio.fail_after(10):
                while len(letters := await queue_.dead(DeadQuery())) < 4:
                    await anyio.sleep(0.005)
            assert gate.inside == 1, "its neighbour goes on"
            gate.open.set()
            await gate.all_passed(1)
    assert {letter.step: letter.reason for letter in letters} == dict.fromkeys(
        ["exits", "exits-blocking", "awaits-cancelled", "picky"], "failed"
    )


async def test_what_is_sent_to_a_step_directly_reaches_it_whatever_starts_it() -> None:
    got: dict[str, Any] = {}

    @step("web", triggers=[http("POST", "/web")])
    async def web(req: ApiRequest[Any]) -> None:
        got["web"] = req.body

    @step("tick", triggers=[cron("0 0 1 1 *")])
    async def tick(event: Any, ctx: FlowContext[Any]) -> None:
        got["tick"] = event

    @step("audit", triggers=[state(group="g")])
    async def audit(change: Any, ctx: FlowContext[Any]) -> None:
        got["audit"] = change

    steps = [web, tick, audit]
    async with Motia("memory:", steps=steps) as motia, consuming(motia):
        for each in steps:
            await each.enqueue({"a": 1})
        with anyio.fail_after(10):
            while len(got) < 3:
                await anyio.sleep(0.005)
    assert got == {"web": {"a": 1}, "tick": None, "audit": {"a": 1}}


async def test_a_damaged_payload_is_a_dead_letter_at_once() -> None:
    @step("tick", triggers=[cron("0 0 1 1 *")])
    async def tick(ctx: FlowContext[Any]) -> None: ...

    @step("audit", triggers=[state(group="g")])
    async def audit(change: Any) -> None: ...

    damaged = ['{"scheduled_time": 1e300}', '{"no": "time"}', "[]", "{"]
    async with Motia("memory:", steps=[tick, audit]) as motia, consuming(motia):
        queue_ = motia.running.backend.waiting.queue
        for payload in damaged:
            await queue_.publish([Message(new_id(), "tick#$cron/0 0 1 1 *", payload)])
            await queue_.publish([Message(new_id(), "$state", payload, scope=("g", "k"))])
        with anyio.fail_after(10):
            while len(letters := await queue_.dead(DeadQuery())) < 2 * len(damaged):
                await anyio.sleep(0.005)
    assert {letter.reason for letter in letters} == {"undecodable"}


async def test_an_unexpected_error_of_the_queue_hands_back_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        await gate.enter()

    async with Motia("memory:", steps=[t]) as motia, Worker(motia, housekeeping=False):
        queue_ = motia.running.backend.waiting.queue
        exchange, failed = queue_.exchange, anyio.Event()

        async def failing(settlements: Any, demand: Any = None) -> Any:
            if gate.inside and not failed.is_set():
                failed.set()
                raise RuntimeError("a fault of the driver's")
            return await exchange(settlements, demand)

        await motia.enqueue("t", 1)
        await gate.reached(1)
        monkeypatch.setattr(queue_, "exchange", failing)
        await motia.enqueue("t", 2)
        with anyio.fail_after(10):
            await failed.wait()
        await gate.reached(2)
        gate.open.set()
        await gate.all_passed(2)


async def test_a_delivery_that_was_lost_and_claimed_anew_is_two_runs() -> None:
    release, starts = threading.Event(), []

    @step("t", triggers=[queue("t")])
    def t(data: Any, ctx: SyncFlowContext[Any]) -> None:
        starts.append(ctx.attempt)
        if ctx.attempt == 1:
            assert release.wait(10)

    async with Motia("memory:", steps=[t]) as motia:
        queue_ = motia.running.backend.waiting.queue
        await motia.enqueue("t", 1)
        async with consuming(motia) as consumer, consuming(motia, suspects=True) as suspects:
            with anyio.fail_after(10):
                while not starts:
                    await anyio.sleep(0.005)
                await queue_.abandon("owner")
                await beat_once(queue_, "owner", 30.0, [consumer, suspects])
                while len(starts) < 2 or (await stats(motia, "t#t")).running:
                    await anyio.sleep(0.005)
                release.set()
                while consumer.running:
                    await anyio.sleep(0.005)
        counts = await stats(motia, "t#t")
    assert (starts, counts.ready, counts.running) == ([1, 2], 0, 0)
