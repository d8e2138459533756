from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import anyio
import pytest

from motia import NotOpen, SyncUnsupported
from motia.concurrency import Alarm, Bell, Portal, ThreadPool, damped, drive


def test_drive_runs_what_never_suspends() -> None:
    async def inner() -> int:
        return 5

    async def outer() -> int:
        return await inner() + 1

    assert drive(outer()) == 6


def test_drive_refuses_what_suspends() -> None:
    async def sleeps() -> None:
        await anyio.lowlevel.checkpoint()

    with pytest.raises(
        (SyncUnsupported, anyio.NoEventLoopError if hasattr(anyio, "NoEventLoopError") else RuntimeError)
    ):
        drive(sleeps())


async def test_drive_says_that_a_backend_is_async_only() -> None:
    async def sleeps() -> None:
        await anyio.sleep(0.01)

    with pytest.raises(SyncUnsupported, match="async-only"):
        drive(sleeps())


async def test_threads_of_a_pool_are_bounded_and_our_own() -> None:
    pool = ThreadPool(3)
    running, most = 0, 0
    lock = threading.Lock()
    release = threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        release.wait(5)
        with lock:
            running -= 1

    before = anyio.to_thread.current_default_thread_limiter().borrowed_tokens
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(pool.run, work)
        while most < 3:
            await anyio.sleep(0.001)
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == before
        release.set()
    assert most == 3


async def test_a_bell_is_heard_from_other_threads() -> None:
    bell, alarm = Bell(), Alarm()
    with bell.listen(alarm.set):
        await anyio.to_thread.run_sync(bell.ring)
        with anyio.fail_after(2):
            await alarm.wait(60)


async def test_what_is_damped_comes_at_once_and_then_as_one() -> None:
    heard: list[float] = []
    tell = damped(lambda: heard.append(anyio.current_time()), 0.05)
    tell()
    assert len(heard) == 1
    for _ in range(10):
        tell()
    assert len(heard) == 1
    with anyio.fail_after(2):
        while len(heard) < 2:
            await anyio.sleep(0.001)
    assert heard[1] - heard[0] >= 0.04
    await anyio.sleep(0.12)
    assert len(heard) == 2
    tell()
    assert len(heard) == 3


async def test_an_alarm_set_before_the_wait_is_kept_once() -> None:
    alarm = Alarm()
    alarm.set()
    with anyio.fail_after(2):
        await alarm.wait(60)
    began = anyio.current_time()
    await alarm.wait(0.05)
    assert anyio.current_time() - began >= 0.04
    alarm.set_within(0.01)
    with anyio.fail_after(2):
        await alarm.wait(60)


def test_a_portal_runs_coroutines_and_stops() -> None:
    portal = Portal()

    async def answer() -> int:
        await anyio.sleep(0)
        return 42

    assert portal(answer()) == 42
    portal.stop()
    portal.stop()
    assert portal(answer()) == 42, "a stopped portal starts anew"
    portal.stop()


async def test_a_portal_is_the_loop_that_it_has_settled_on_for_as_long_as_that_runs() -> None:
    portal, loop = Portal(), asyncio.get_running_loop()
    seen: ContextVar[int] = ContextVar("seen")
    portal.settle()

    async def here() -> tuple[bool, int]:
        return asyncio.get_running_loop() is loop, seen.get()

    def call() -> tuple[bool, int]:
        seen.set(7)
        return portal(here())

    assert await anyio.to_thread.run_sync(call) == (True, 7)
    with pytest.raises(SyncUnsupported, match="on the event loop's own thread"):
        portal(here())
    portal.stop()
    with pytest.raises(NotOpen, match="has been closed"):
        await anyio.to_thread.run_sync(call)
