"""The shipped suites on the databases of a Django project, through all drivers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections

from motia.backends import Backend, open_backend
from motia.clock import SystemClock
from motia.testing import VirtualClock
from motia.testing.conformance import (
    Harness,
    QueueConformance,
    StoreConformance,
    StreamConformance,
    StreamHarness,
    TraceConformance,
    TraceHarness,
)
from tests.django_site import ready

ready()
from motia.integrations.django.queue import DjangoQueue  # noqa: E402
from tests.django_site.databases import added, settings_of  # noqa: E402  # needs Django to be set up

SERVERS = [pytest.mark.service, pytest.mark.slow]
CASES = [
    *(pytest.param("sqlite", driver) for driver in ("waiting", "blocking", "apart")),
    pytest.param("postgresql", "apart", marks=pytest.mark.service),
    pytest.param("postgresql", "waiting", marks=SERVERS),
    pytest.param("postgresql", "blocking", marks=SERVERS),
    *(pytest.param("mysql", driver, marks=SERVERS) for driver in ("waiting", "blocking", "apart")),
]
pytestmark = pytest.mark.parametrize(("place", "driver"), CASES, indirect=["place"])


async def _at_once(queue: DjangoQueue, subscriptions: Any, *, steps: Any) -> None:
    """What a request opens writes its subscriptions with its first message; the suite wants them at once."""
    queue._here._wanted = (subscriptions, steps)
    await queue.database.write(lambda connection: queue._here.declare())


@pytest.fixture
async def backends(
    driver: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Backend, Backend, VirtualClock | SystemClock]]:
    """The backend under test and, for another process, a second one; with the clock of both."""
    if driver == "blocking":  # the suite calls it on the thread of its event loop, where Django would refuse
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    clock = VirtualClock() if place.startswith("sqlite") else SystemClock()
    async with ThreadSensitiveContext():
        block = added("motia_test", settings_of(place), "motia")
        await sync_to_async(block.__enter__)()
        try:
            yield (
                open_backend("django://motia_test", clock, 5.0),
                open_backend("django://motia_test", clock, 5.0),
                clock,
            )
            if driver == "blocking":
                connections["motia_test"].close()
        finally:
            await sync_to_async(block.__exit__)(None, None, None)


def _advance(clock: VirtualClock | SystemClock) -> Callable[[float], Awaitable[None]]:
    async def advance(seconds: float) -> None:
        if isinstance(clock, VirtualClock):
            clock.advance(seconds)
        else:
            await anyio.sleep(seconds)

    return advance


@pytest.fixture
async def harness(driver: str, backends: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    backend, second, clock = backends
    ports, other = getattr(backend, driver), second.working
    if isinstance(ports.queue, DjangoQueue):
        monkeypatch.setattr(DjangoQueue, "subscribe", _at_once)
    now = clock.now if isinstance(clock, VirtualClock) else time.time
    yield Harness(ports.queue, other.queue, ports.store, _advance(clock), now)
    for each in (ports, other):
        await each.queue.close()


@pytest.fixture
async def streams(driver: str, backends: Any) -> AsyncIterator[StreamHarness]:
    backend, second, clock = backends
    ports, other = getattr(backend, driver), second.working
    yield StreamHarness(ports.streams, other.streams, _advance(clock))
    for each in (ports, other):
        await each.streams.close()


@pytest.fixture
async def traces(driver: str, backends: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TraceHarness]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the recorder's own driver blocks, and has a thread for that
    backend, second, _ = backends
    store, other = getattr(backend, driver).traces, second.recording
    yield TraceHarness(store, other)
    for each in (store, other):
        await each.close()


class TestQueue(QueueConformance):
    async def test_a_paused_schedule_does_not_fire(self, harness: Harness) -> None:
        _only_for_workers(harness)
        await super().test_a_paused_schedule_does_not_fire(harness)

    async def test_a_tick_fires_once(self, harness: Harness) -> None:
        _only_for_workers(harness)
        await super().test_a_tick_fires_once(harness)


def _only_for_workers(harness: Harness) -> None:
    queue = harness.queue
    if isinstance(queue, DjangoQueue) and queue.database.dialect == "mysql":
        pytest.skip("schedules are ticked on a worker's own connection: on Django's, MySQL does not tell who was first")


class TestStore(StoreConformance):
    pass


class TestStreams(StreamConformance):
    pass


class TestTraces(TraceConformance):
    pass
