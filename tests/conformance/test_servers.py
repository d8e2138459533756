"""The shipped suites on real servers, through both drivers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import anyio
import pytest

from motia.backends import open_backend
from motia.clock import SystemClock
from motia.testing.conformance import (
    Harness,
    QueueConformance,
    StoreConformance,
    StreamConformance,
    StreamHarness,
    TraceConformance,
    TraceHarness,
)

pytestmark = [
    pytest.mark.service,
    pytest.mark.parametrize("place", ["postgresql", "mysql", "redis"], indirect=True),
    pytest.mark.parametrize("driver", ["waiting", "blocking"]),
]


@pytest.fixture
async def harness(driver: str, place: str) -> AsyncIterator[Harness]:
    clock = SystemClock()
    backend, second = open_backend(place, clock, 5.0), open_backend(place, clock, 5.0)
    ports = backend.waiting if driver == "waiting" else backend.blocking
    assert ports is not None
    await ports.queue.migrate()
    await ports.store.migrate()
    yield Harness(ports.queue, second.waiting.queue, ports.store, anyio.sleep, time.time, unit=0.4)
    await ports.queue.close()
    await backend.waiting.queue.close()
    await second.waiting.queue.close()


@pytest.fixture
async def streams(driver: str, place: str) -> AsyncIterator[StreamHarness]:
    clock = SystemClock()
    backend, second = open_backend(place, clock, 5.0), open_backend(place, clock, 5.0)
    ports = backend.waiting if driver == "waiting" else backend.blocking
    assert ports is not None
    await ports.streams.migrate()
    yield StreamHarness(ports.streams, second.waiting.streams, anyio.sleep, ports.database is not None)
    await ports.streams.close()
    await backend.waiting.streams.close()
    await second.waiting.streams.close()


@pytest.fixture
async def traces(driver: str, place: str) -> AsyncIterator[TraceHarness]:
    clock = SystemClock()
    backend, second = open_backend(place, clock, 5.0), open_backend(place, clock, 5.0)
    ports = backend.waiting if driver == "waiting" else backend.blocking
    assert ports is not None
    assert ports.traces is not None
    assert backend.waiting.traces is not None
    assert second.waiting.traces is not None
    await ports.traces.migrate()
    yield TraceHarness(ports.traces, second.waiting.traces)
    for each in (ports.traces, backend.waiting.traces, second.waiting.traces):
        await each.close()


class TestQueue(QueueConformance):
    pass


class TestStore(StoreConformance):
    pass


class TestStreams(StreamConformance):
    pass


class TestTraces(TraceConformance):
    pass
