from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Ground
from tests.faults.servers import Server, own_server


@pytest.fixture
def ground(tmp_path: Path, place: str) -> Iterator[Ground]:
    made = Ground(tmp_path, place)
    yield made
    made.close()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of this test's own; the ``indirect`` parameter names its kind."""
    with own_server(request.param) as made:
        yield made


@pytest.fixture
def server_ground(tmp_path: Path, server: Server) -> Iterator[Ground]:
    """A ground on that server."""
    made = Ground(tmp_path, server.url())
    yield made
    made.close()
