"""Async tests run on asyncio; every test has a payment provider that has charged nobody yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.fastapi_app.gateway import Gateway, gateway


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def provider() -> Iterator[Gateway]:
    yield gateway
    gateway.charges.clear()
    gateway.outage = 0
