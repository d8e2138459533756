from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from motia import ConfigError, FlowContext, LeaseLost, Motia, MotiaSettings, SyncFlowContext, Worker, queue, step
from motia.queues.sql import SqlQueue
from motia.worker.consumer import POLL
from motia.worker.worker import kept_alive


async def test_a_worker_runs_in_the_background_of_a_block() -> None:
    done = anyio.Event()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        done.set()

    motia = Motia("memory:", steps=[t])
    async with Worker(motia, concurrency=2):
        await motia.enqueue("t", 1)
        with anyio.fail_after(5):
            await done.wait()
        began = time.monotonic()
    assert time.monotonic() - began < POLL / 2, "the end waits for what runs, and not for the next look at the queue"


async def test_run_ends_when_drained() -> None:
    ran: list[int] = []

    @step("t", triggers=[queue("t")])
    async def t(data: int) -> None:
        ran.append(data)
        if data < 5:
            await t.enqueue(data + 1)

    motia = Motia("memory:", steps=[t])
    async with motia:
        await motia.enqueue("t", 1)
        with anyio.fail_after(10):
            await Worker(motia).run(drain=True)
    assert ran == [1, 2, 3, 4, 5]


async def test_only_the_queues_asked_for_are_served() -> None:
    ran: list[str] = []

    @step("a", triggers=[queue("ta")])
    async def a(data: Any) -> None:
        ran.append("a")

    @step("b", triggers=[queue("tb")])
    async def b(data: Any) -> None:
        ran.append("b")

    motia = Motia("memory:", steps=[a, b])
    async with motia:
        await motia.enqueue_many([("ta", 1), ("tb", 1)])
        await Worker(motia, queues=["ta"]).run(drain=True)
        assert ran == ["a"]
        await Worker(motia, queues=[b]).run(drain=True)
        assert ran == ["a", "b"]
    with pytest.raises(ConfigError, match="no step or topic 'tc' to serve; known: a, b, ta, tb"):
        Worker(motia, queues=["tc"])
    with pytest.raises(ConfigError, match=r"queues expected a list of steps and topics, got 'a'; write queues=\['a'\]"):
        Worker(motia, queues="a")
    for wrong in (0, -1, "5"):
        with pytest.raises(ConfigError, match="concurrency expected a number of deliveries from 1 on, got"):
            Worker(motia, concurrency=wrong)  # type: ignore[arg-type]  # that is the test


async def test_a_worker_that_is_cancelled_hands_back_what_ran(tmp_path: Path) -> None:
    runs: list[tuple[int, bool]] = []
    done = anyio.Event()

    @step("t", triggers=[queue("t")])
    async def t(data: Any, ctx: FlowContext[Any]) -> None:
        runs.append((ctx.attempt, ctx.redelivered))
        if len(runs) < 3:
            started.set()
            await anyio.sleep_forever()
        done.set()

    motia = Motia(f"sqlite:///{tmp_path / 'motia.db'}", steps=[t])
    async with motia:
        await motia.enqueue("t", 1)
        for _ in range(2):
            started = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(Worker(motia).run)
                with anyio.fail_after(5):
                    await started.wait()
                tasks.cancel_scope.cancel()
        async with Worker(motia):
            with anyio.fail_after(5):
                await done.wait()
    assert runs == [(1, False), (1, True), (1, True)], "a worker that is told to go has not failed"


async def test_a_stop_waits_for_the_grace_period_and_no_longer() -> None:
    started = anyio.Event()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        started.set()
        await anyio.sleep_forever()

    motia = Motia("memory:", steps=[t], settings=MotiaSettings(grace=0.1))
    async with motia:
        async with Worker(motia):
            await motia.enqueue("t", 1)
            await started.wait()
            began = anyio.current_time()
        assert 0.1 <= anyio.current_time() - began < 3
        stats = {item.id: item for item in await motia.running.backend.waiting.queue.stats()}
        assert (stats["t#t"].ready, stats["t#t"].running) == (1, 0)


async def test_a_service_that_fails_starts_again_and_nothing_escapes() -> None:
    calls = 0

    async def service() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise RuntimeError("broken")

    with anyio.fail_after(10):
        await kept_alive("service", service)
    assert calls == 3


async def test_an_idle_worker_hardly_asks(tmp_path: Path) -> None:
    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None: ...

    motia = Motia(f"sqlite:///{tmp_path / 'idle.db'}", steps=[t])
    async with Worker(motia):
        await anyio.sleep(0.5)  # let the start be over
        backend = motia.running.backend
        assert isinstance(backend.waiting.queue, SqlQueue)
        statements: list[str] = []
        for line in (backend.identity.reader, backend.identity.writer):  # type: ignore[attr-defined]  # a SqliteFile
            line.connection.native.set_trace_callback(statements.append)
        await anyio.sleep(4)
        asked = [text for text in statements if not text.startswith(("BEGIN", "COMMIT"))]
    assert len(asked) <= 5, "one consumer looks every two and a half seconds, the other and the reaper every five"


async def test_a_thread_that_does_not_end_keeps_nobody_waiting(tmp_path: Path) -> None:
    started, release, refused = threading.Event(), threading.Event(), threading.Event()

    @step("t", triggers=[queue("t")])
    def t(data: Any, ctx: SyncFlowContext[Any]) -> None:
        started.set()
        assert release.wait(20)
        try:
            ctx.enqueue("t", "late")
        except LeaseLost:
            refused.set()

    motia = Motia(f"sqlite:///{tmp_path / 'x.db'}", steps=[t], settings=MotiaSettings(grace=0.05))
    async with motia:
        worker = Worker(motia)
        async with worker:
            await motia.enqueue("t", 1)
            with anyio.fail_after(10):
                while not started.is_set():
                    await anyio.sleep(0.005)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert worker.abandoned
        (counts,) = [item for item in await motia.running.backend.waiting.queue.stats() if item.id == "t#t"]
        assert (counts.ready, counts.running) == (1, 0)
        release.set()
        with anyio.fail_after(10):
            while not refused.is_set():
                await anyio.sleep(0.005)
