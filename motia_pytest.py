"""Fixtures for pytest. Every test run of the environment loads this, so nothing of `motia` is imported before its use.

``motia_ctx`` and ``motia_sync_ctx`` are fake contexts; ``motia_tester`` and ``motia_sync_tester`` make testers::

    async def test_order(motia_tester):
        async with motia_tester(motia) as t: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from motia.testing import FakeContext, FakeSyncContext, MotiaTester, SyncMotiaTester


@pytest.fixture
def motia_ctx() -> FakeContext:
    """A fake ``ctx`` for ``async def`` handlers."""
    from motia.testing import fake_context  # noqa: PLC0415  # see above

    return fake_context()


@pytest.fixture
def motia_sync_ctx() -> FakeSyncContext:
    """A fake ``ctx`` for ``def`` handlers."""
    from motia.testing import fake_sync_context  # noqa: PLC0415  # see above

    return fake_sync_context()


@pytest.fixture
def motia_tester() -> type[MotiaTester]:
    """Makes testers for async tests."""
    from motia.testing import MotiaTester  # noqa: PLC0415  # see above

    return MotiaTester


@pytest.fixture
def motia_sync_tester() -> type[SyncMotiaTester]:
    """Makes testers for blocking tests."""
    from motia.testing import SyncMotiaTester  # noqa: PLC0415  # see above

    return SyncMotiaTester
