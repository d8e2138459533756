"""What process managers are told of a worker that starts, stops, or cannot reach its queue."""

from __future__ import annotations

import http.client
import signal

import pytest

from tests.faults.harness import Ground, eventually
from tests.faults.sending import send
from tests.faults.servers import Server, free_port


def status(port: int, path: str = "/health") -> int | None:
    """What is answered; None where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


@pytest.mark.timeout(60)
def test_a_worker_that_stops_is_not_ready(ground: Ground) -> None:
    port = free_port()
    ground.command("migrate")
    send(ground, ("job", {"n": 1, "seconds": 2}))
    worker = ground.worker("--health-port", str(port))
    eventually(lambda: status(port) == 200, within=20, what="ready")
    eventually(ground.ledger, within=20, what="a start")
    worker.send_signal(signal.SIGTERM)
    eventually(lambda: status(port) == 503, within=5, what="not ready")
    assert status(port, "/live") == 200
    assert worker.wait(20) == 0
    assert ground.ends().keys() == {1}
    assert status(port) is None


@pytest.mark.service
@pytest.mark.timeout(120)
@pytest.mark.parametrize("server", ["redis", "postgresql", "mysql"], indirect=True)
def test_a_worker_without_its_server_is_not_ready_and_lives(server: Server, server_ground: Ground) -> None:
    port = free_port()
    server_ground.command("migrate")
    worker = server_ground.worker("--health-port", str(port))
    eventually(lambda: status(port) == 200, within=20, what="ready")
    for away, back in ((server.kill, server.start), (server.pause, server.resume)):
        away()
        eventually(lambda: status(port) == 503, within=10, what="not ready")
        assert status(port, "/live") == 200
        back()
        eventually(lambda: status(port) == 200, within=20, what="ready again")
    assert worker.poll() is None
