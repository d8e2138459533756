"""Fixtures for every test: async tests run on asyncio, slow ones on request, and servers are found or skipped."""

from __future__ import annotations

import inspect
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.places import PLACES


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the long proofs too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="a long proof: run with --slow")
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Every ``async def test_`` runs under anyio's plugin, without a mark of its own."""
    if name.startswith("test") and inspect.iscoroutinefunction(obj):
        pytest.mark.anyio(obj)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


SERVERS = {
    "postgresql": ("MOTIA_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test"),
    "mysql": ("MOTIA_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test"),
    "redis": ("MOTIA_TEST_REDIS_URL", "redis://127.0.0.1:6379/15"),
}


def server_url(kind: str) -> str:
    """The URL of a server that answers; skips the test where none does."""
    variable, default = SERVERS[kind]
    url = os.environ.get(variable, default)
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=1).close()
    except OSError:
        pytest.skip(f"no server answers at {parts.hostname}:{parts.port}; set {variable}")
    return url


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty backend; ``indirect`` parameters name its kind, ``sqlite`` unless given."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'place.db'}"
        return
    with PLACES[kind](server_url(kind)) as url:
        yield url
