"""Testing steps: a fake ``ctx`` for unit tests, and a tester that runs whole flows on a virtual clock."""

from motia.testing.clock import VirtualClock
from motia.testing.fakes import FakeContext, FakeSyncContext, fake_context, fake_sync_context
from motia.testing.tester import MotiaTester, TestResponse
from motia.testing.tester_sync import SyncMotiaTester
from motia.testing.watching import Watch

__all__ = [
    "FakeContext",
    "FakeSyncContext",
    "MotiaTester",
    "SyncMotiaTester",
    "TestResponse",
    "VirtualClock",
    "Watch",
    "fake_context",
    "fake_sync_context",
]
