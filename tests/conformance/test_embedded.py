"""The shipped suites on the embedded backends: memory and a file, each through both drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from motia.backends import open_backend
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

KINDS = ["memory-waiting", "memory-blocking", "file-waiting", "file-blocking"]


@pytest.fixture(params=KINDS)
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    kind, driver = request.param.split("-")
    clock = VirtualClock()
    url = "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'test.db'}"
    backend = open_backend(url, clock, 5.0)
    ports = backend.waiting if driver == "waiting" else backend.blocking
    assert ports is not None
    # Another process has its own handle to a file; memory has but one.
    other = ports if kind == "memory" else open_backend(url, clock, 5.0).waiting
    await ports.queue.migrate()
    await ports.store.migrate()

    async def advance(seconds: float) -> None:
        clock.advance(seconds)

    yield Harness(ports.queue, other.queue, ports.store, advance, clock.now)
    await ports.queue.close()
    await other.queue.close()


@pytest.fixture(params=KINDS)
async def streams(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StreamHarness]:
    kind, driver = request.param.split("-")
    clock = VirtualClock()
    url = "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'test.db'}"
    backend = open_backend(url, clock, 5.0)
    ports = backend.waiting if driver == "waiting" else backend.blocking
    assert ports is not None
    other = ports if kind == "memory" else open_backend(url, clock, 5.0).waiting
    await ports.streams.migrate()

    async def advance(seconds: float) -> None:
        clock.advance(seconds)

    yield StreamHarness(ports.streams, other.streams, advance)
    await ports.streams.close()
    await other.streams.close()


@pytest.fixture(params=KINDS)
async def traces(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TraceHarness]:
    kind, driver = request.param.split("-")
    url = "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'test.db'}"
    backend = open_backend(url, VirtualClock(), 5.0)
    ports = backend.waiting if driver == "waiting" else backend.blocking
    assert ports is not None
    assert ports.traces is not None
    other = ports.traces if kind == "memory" else open_backend(url, VirtualClock(), 5.0).waiting.traces
    assert other is not None
    await ports.traces.migrate()
    yield TraceHarness(ports.traces, other)
    await ports.traces.close()
    await other.close()


class TestQueue(QueueConformance):
    pass


class TestStore(StoreConformance):
    pass


class TestStreams(StreamConformance):
    pass


class TestTraces(TraceConformance):
    pass
