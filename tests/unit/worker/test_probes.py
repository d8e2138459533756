"""Probes: what is answered, to whom, and for how long."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from motia import ConfigError, Motia
from motia.worker import Worker, probes
from motia.worker.probes import probed
from tests.faults.servers import free_port

HEAD = b"connection: close\r\n\r\n"


class Ready:
    """Says what the test wants."""

    answer = True

    async def __call__(self) -> bool:
        return self.answer


@asynccontextmanager
async def answering(ready: Ready) -> AsyncIterator[int]:
    port = free_port()
    async with probed(port, ready):
        yield port


async def said(port: int, request: bytes) -> bytes:
    """What comes back until the other side closes."""
    found = b""
    with anyio.fail_after(10):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(request)
            async for part in stream:
                found += part
    return found


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: 10.0.0.1\r\nuser-agent: kube-probe/1.30\r\n\r\n".encode()


async def test_ready_and_live_are_two_things() -> None:
    ready = Ready()
    async with answering(ready) as port:
        assert (await said(port, get("/health"))).startswith(b"HTTP/1.1 200 OK\r\n")
        ready.answer = False
        answer = await said(port, get("/health?verbose"))
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert answer.endswith(HEAD + b"Service Unavailable\n")
        assert (await said(port, get("/live"))).startswith(b"HTTP/1.1 200 OK\r\n")
        assert (await said(port, get("/live", "HEAD"))).endswith(HEAD)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/"), b"404"),
        (get("/health/../secrets"), b"404"),
        (get("/health", "POST"), b"400"),
        (b"\r\n\r\n", b"400"),
        (b"GET /health\r\n\r\n", b"400"),
        (b"\x16\x03\x01 a TLS hello\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 20_000, b"431"),
    ],
)
async def test_anything_else_is_refused(request_: bytes, status: bytes) -> None:
    async with answering(Ready()) as port:
        assert (await said(port, request_)).startswith(b"HTTP/1.1 " + status)
        assert (await said(port, get("/live"))).startswith(b"HTTP/1.1 200")


async def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "DEADLINE", 0.05)
    async with answering(Ready()) as port:
        assert await said(port, b"GET /hea") == b""


async def test_too_many_at_once_are_sent_away_and_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "AT_ONCE", 3)
    async with answering(Ready()) as port:
        silent = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(3)]
        with anyio.fail_after(10):
            while True:
                async with await anyio.connect_tcp("127.0.0.1", port) as one_more:
                    try:
                        await one_more.send(get("/live"))
                        await one_more.receive()
                    except (anyio.EndOfStream, anyio.BrokenResourceError):
                        break
        for stream in silent:
            await stream.aclose()
        with anyio.fail_after(10):
            while not await said(port, get("/live")):
                await anyio.sleep(0.01)


async def test_who_hangs_up_does_no_harm() -> None:
    async with answering(Ready()) as port:
        for request in (b"", b"GET", get("/health")):
            stream = await anyio.connect_tcp("127.0.0.1", port)
            raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
            await stream.send(request)
            await stream.aclose()
        assert (await said(port, get("/health"))).startswith(b"HTTP/1.1 200")


async def test_a_port_that_is_taken_is_said_so() -> None:
    with socket.create_server(("", 0)) as taken, pytest.raises(ConfigError, match="choose another --health-port"):
        async with probed(taken.getsockname()[1], Ready()):
            pass


async def test_no_port_no_answers() -> None:
    async with probed(None, Ready()):
        pass


async def test_a_worker_is_ready_while_it_takes_work() -> None:
    motia = Motia("memory:")
    worker = Worker(motia)
    assert not await worker.is_ready()
    async with worker.running():
        assert await worker.is_ready()
        worker.stop()
        assert not await worker.is_ready()
