"""The shipped state machine on every backend, through its blocking driver; fewer examples where a server is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from motia.backends import open_backend
from motia.clock import SystemClock
from motia.concurrency import drive
from motia.messages import Exchange, Held, Settlement, Subscription
from motia.queues.base import Demand, Queue
from motia.testing import VirtualClock
from motia.testing.conformance.machine import SOON, QueueMachine

STEPS = 40


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> Callable[[int, int], settings]:
    """So many, or so many with --slow: then other ones each time, and a failure is made small, which may take long."""
    slow = request.config.getoption("--slow")

    def chosen(few: int, many: int) -> settings:
        return settings(
            max_examples=many if slow else few,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not slow,
            phases=[Phase.generate, Phase.shrink] if slow else [Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        )

    return chosen


@contextmanager
def machine(url: str, clock: SystemClock | VirtualClock) -> Iterator[type[QueueMachine]]:
    backend = open_backend(url, clock, 5.0)
    assert backend.blocking is not None
    queue = backend.blocking.queue
    drive(queue.migrate())

    class Machine(QueueMachine):
        def open(self) -> Queue:
            queue._turn = 0  # or the same choices would bring other claims, which Hypothesis takes for a fault
            return queue

        def wait(self) -> None:
            if isinstance(clock, VirtualClock):
                clock.advance(2 * SOON)
            else:
                super().wait()

    try:
        yield Machine
    finally:
        drive(queue.close())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_embedded(kind: str, tmp_path: Path, examples: Callable[[int, int], settings]) -> None:
    url = "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'machine.db'}"
    with machine(url, VirtualClock()) as found:
        run_state_machine_as_test(found, settings=examples(60, 1_000))


@pytest.mark.service
@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", ["postgresql", "mysql", "redis"], indirect=True)
def test_servers(place: str, examples: Callable[[int, int], settings]) -> None:
    with machine(place, SystemClock()) as found:
        run_state_machine_as_test(found, settings=examples(20, 300))


class Broken:
    """A queue with one fault; everything else is passed on."""

    def __init__(self, sound: Queue) -> None:
        self._sound = sound
        self._tokens: dict[object, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    async def _claimed(self, settlements: Sequence[Settlement], demand: Demand | None) -> Exchange:
        exchange = await self._sound.exchange(settlements, demand)
        self._tokens.update({item.handle: item.token for item in exchange.deliveries})
        return exchange


class Unfenced(Broken):
    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        newest = [item._replace(token=self._tokens.get(item.handle, item.token)) for item in settlements]
        return await self._claimed(newest, demand)


class WithoutOrder(Broken):
    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        await self._sound.subscribe([replace(item, fifo=False) for item in subscriptions], steps=steps)


class Overtaking(Broken):
    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        await self._sound.subscribe([replace(item, blocks=False) for item in subscriptions], steps=steps)


class WithoutBound(Broken):
    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        await self._sound.subscribe([replace(item, concurrency=None) for item in subscriptions], steps=steps)


class Heartless(Broken):
    async def beat(self, owner: str, lease: float) -> list[Held]:
        return await self._sound.beat(owner, 0.0)


class Forgetful(Broken):
    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        exchange = await self._sound.exchange(settlements, demand)
        return exchange._replace(deliveries=exchange.deliveries[:3])


class Costly(Broken):
    """A graceful hand-back that costs an attempt."""

    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        costly = [item._replace(kind="retry") if item.kind == "release" else item for item in settlements]
        return await self._sound.exchange(costly, demand)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", [Unfenced, WithoutOrder, Overtaking, WithoutBound, Heartless, Forgetful, Costly])
def test_it_sees_a_fault(fault: type[Broken], examples: Callable[[int, int], settings]) -> None:
    with machine("memory:", VirtualClock()) as sound:

        class Machine(sound):  # type: ignore[misc, valid-type]
            def open(self) -> Any:
                return fault(super().open())

        with pytest.raises((AssertionError, BaseExceptionGroup)):
            run_state_machine_as_test(Machine, settings=settings(examples(2_000, 2_000), phases=[Phase.generate]))
