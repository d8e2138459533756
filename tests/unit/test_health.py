"""Health: asked once a second at most, by whoever asks, and in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from motia import Motia, QueueUnavailable
from motia.health import Health


class Backend:
    """Counts how often it is asked, and answers as the test wants."""

    def __init__(self) -> None:
        self.asked = 0
        self.problem: Exception | None = None
        self.answer = anyio.Event()
        self.answer.set()

    async def check(self) -> None:
        self.asked += 1
        await self.answer.wait()
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for the health of an app."""
    passed = 0.0

    def skip(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return time.monotonic() + passed

    monkeypatch.setattr("motia.health.time", Clock)
    return skip


async def test_the_backend_is_asked_once_a_second(backend: Backend, later: Callable[[float], None]) -> None:
    health = Health([backend.check])
    for _ in range(100):
        assert await health.is_good()
    assert backend.asked == 1
    backend.problem = QueueUnavailable("away")
    assert await health.is_good(), "as of the last second"
    later(1.1)
    for _ in range(100):
        assert not await health.is_good()
    assert backend.asked == 2
    backend.problem = None
    later(1.1)
    assert await health.is_good()


async def test_many_who_ask_at_once_ask_once(backend: Backend) -> None:
    health = Health([backend.check])
    backend.answer = anyio.Event()
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await health.is_good())

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        backend.answer.set()
    assert (answers, backend.asked) == ([True] * 50, 1)


async def test_a_backend_that_says_nothing_is_away(backend: Backend, later: Callable[[float], None]) -> None:
    health = Health([backend.check])
    backend.answer = anyio.Event()
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await health.is_good())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        later(2.1)
        began = time.monotonic()
        assert not await health.is_good()
        assert time.monotonic() - began < 1, "who comes later does not wait once more"
        assert backend.asked == 1
        backend.answer.set()
    assert answers == [True]
    await health.close()


async def test_the_reason_is_logged_once(
    backend: Backend, later: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    health = Health([backend.check])
    backend.problem = ValueError("the reason")
    for _ in range(3):
        assert not await health.is_good()
        later(1.1)
    backend.problem = None
    assert await health.is_good()
    assert [record.getMessage() for record in caplog.records] == ["not healthy: the reason", "healthy again"]


async def test_what_is_still_asked_ends_with_the_app(backend: Backend) -> None:
    health = Health([backend.check])
    backend.answer = anyio.Event()
    with anyio.move_on_after(0.01):
        await health.is_good()
    await health.close()
    assert health._asking is None
    await health.close()


async def test_every_backend_of_an_app_is_asked(tmp_path: Any) -> None:
    motia = Motia(f"sqlite:///{tmp_path / 'a.db'}", state=f"sqlite:///{tmp_path / 'b.db'}", streams="memory:")
    async with motia:
        assert len(motia.running.health._checks) == 3
        assert await motia.running.health.is_good()
    async with Motia("memory:") as one:
        assert len(one.running.health._checks) == 1
