"""Fixtures for pytest. Every test run of the environment loads this, so nothing of `motia` is imported before its use.

``motia_ctx`` and ``motia_sync_ctx`` are fake contexts; ``motia_tester`` and ``motia_sync_tester`` make testers::

    async def test_order(motia_tester):
        async with motia_tester(motia) as t: ...

Such a test needs no plugin for async tests; where there is one that wants it, it is that plugin's.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from motia.testing import FakeContext, FakeSyncContext, MotiaTester, SyncMotiaTester


_ASYNC = frozenset({"motia_ctx", "motia_tester"})


@pytest.hookimpl
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async def`` test that uses these fixtures, where no plugin for async tests has come before."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or _ASYNC.isdisjoint(pyfuncitem.fixturenames):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: value for name, value in pyfuncitem.funcargs.items() if name in wanted}))
    return True


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
