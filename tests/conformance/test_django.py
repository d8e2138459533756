"""The shipped suites on the databases of a Django project, through all drivers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections

from motia.backends import open_backend
from motia.clock import SystemClock
from motia.testing import VirtualClock
from motia.testing.conformance import Harness, QueueConformance, StoreConformance
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
async def harness(driver: str, place: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    if driver == "blocking":  # the suite calls it on the thread of its event loop, where Django would refuse
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    embedded = place.startswith("sqlite")
    clock = VirtualClock() if embedded else SystemClock()
    async with ThreadSensitiveContext():
        block = added("motia_test", settings_of(place), "motia")
        await sync_to_async(block.__enter__)()
        try:
            backend, second = (open_backend("django://motia_test", clock, 5.0) for _ in range(2))
            ports, other = getattr(backend, driver), second.working

            if isinstance(ports.queue, DjangoQueue):
                monkeypatch.setattr(DjangoQueue, "subscribe", _at_once)

            async def advance(seconds: float) -> None:
                clock.advance(seconds)

            yield Harness(
                ports.queue,
                other.queue,
                ports.store,
                advance if embedded else anyio.sleep,
                clock.now if embedded else time.time,
            )
            for each in (ports, other):
                await each.queue.close()
            if driver == "blocking":
                connections["motia_test"].close()
        finally:
            await sync_to_async(block.__exit__)(None, None, None)


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
