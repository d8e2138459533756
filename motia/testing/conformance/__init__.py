"""Suites that every backend and adapter passes, for those of third parties too.

A queue of your own is certified by a class with one fixture::

    class TestMyQueue(QueueConformance):
        @pytest.fixture
        async def harness(self):
            yield Harness(queue=..., other=..., store=..., advance=..., now=...)

``StoreConformance`` takes the same fixture, ``StreamConformance`` a ``StreamHarness``, ``TraceConformance`` a
``TraceHarness``, and ``AdapterConformance``, of web frameworks, a ``Client``; see each of them.

Needs pytest and anyio's plugin (``@pytest.mark.anyio`` on the class).
"""

from motia.testing.conformance.adapters import AdapterConformance, Client, EventCases, Reply, conformance_app
from motia.testing.conformance.harness import Harness, demand, message
from motia.testing.conformance.queue_blocking import QueueBlocking
from motia.testing.conformance.queue_failures import QueueFailures
from motia.testing.conformance.queue_looks import QueueLooks
from motia.testing.conformance.queue_order import QueueOrder
from motia.testing.conformance.queues import QueueBasics
from motia.testing.conformance.stores import StoreConformance
from motia.testing.conformance.streams import StreamConformance, StreamHarness
from motia.testing.conformance.traces import TraceConformance, TraceHarness


class QueueConformance(QueueBasics, QueueOrder, QueueBlocking, QueueFailures, QueueLooks):
    """Everything that ``motia.queues.base`` promises."""


__all__ = [
    "AdapterConformance",
    "Client",
    "EventCases",
    "Harness",
    "QueueConformance",
    "Reply",
    "StoreConformance",
    "StreamConformance",
    "StreamHarness",
    "TraceConformance",
    "TraceHarness",
    "conformance_app",
    "demand",
    "message",
]
