"""Streams against a bare Starlette WebSocket that broadcasts the same bytes: one server, taken in turns."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.tables import heading, median, percentile, table

SUBSCRIBERS, MESSAGES, ROUNDS = 500, 200, 3
PAUSE = 0.05
IDLE = 2000
PUBLISHED = 1500


class Subscriber(asyncio.Protocol):
    """Reads frames as cheaply as may be, and notes when each came."""

    def __init__(self, path: str, join: dict[str, Any] | None) -> None:
        self._path = path
        self._join = join
        self._buffer = b""
        self._upgraded = False
        self.ready = asyncio.get_running_loop().create_future()
        self.delays: list[float] = []
        self.last = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            _, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self._upgraded, self._buffer = True, rest
            if self._join is None:
                self.ready.set_result(None)
            else:
                self.transport.write(masked(json.dumps(self._join).encode()))
        self._read()

    def _read(self) -> None:
        now, at, buffer = time.monotonic(), 0, self._buffer
        while len(buffer) - at >= 4:
            size, head = buffer[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head + size:
                break
            found = buffer.find(b'"t":', at, at + head + size)
            at += head + size
            if found < 0 or not self.ready.done():
                if not self.ready.done():
                    self.ready.set_result(None)
                continue
            self.delays.append(now - float(buffer[found + 4 : buffer.index(b",", found)]))
            self.last = now
        self._buffer = buffer[at:]


def masked(payload: bytes) -> bytes:
    """A text frame of a client, masked with zeros."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


def join(group: str) -> dict[str, Any]:
    return {"type": "join", "data": {"streamName": "ticks", "groupId": group, "subscriptionId": "1"}}


@contextmanager
def server() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.stream_server:app", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "error", "--backlog", "4096"])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None, "the server did not start"
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


@asynccontextmanager
async def subscribed(port: int, kind: str, count: int, group: str = "g") -> AsyncIterator[list[Subscriber]]:
    loop = asyncio.get_running_loop()
    path, wish = ("/bare", None) if kind == "bare" else ("/__motia/streams", join(group))
    found: list[Subscriber] = []
    for _ in range(count):
        _, subscriber = await loop.create_connection(lambda: Subscriber(path, wish), "127.0.0.1", port)
        await subscriber.ready
        found.append(subscriber)
    yield found
    for subscriber in found:
        subscriber.transport.abort()
    await asyncio.sleep(0.5)


async def post(port: int, path: str) -> Any:
    def send() -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", b"", method="POST")
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.loads(response.read() or b"null")

    return await asyncio.to_thread(send)


async def delivered(port: int, kind: str, pause: float) -> tuple[float, list[float]]:
    """Publish once to all subscribers; messages received per second, and how long each took."""
    async with subscribed(port, kind, SUBSCRIBERS) as clients:
        began = time.monotonic()
        await post(port, f"/{kind}/{MESSAGES}/{pause}")
        deadline = time.monotonic() + 60
        while any(len(client.delays) < MESSAGES for client in clients):
            assert time.monotonic() < deadline, "not everything arrived"
            await asyncio.sleep(0.01)
        seconds = max(client.last for client in clients) - began
        return SUBSCRIBERS * MESSAGES / seconds, [delay for client in clients for delay in client.delays]


def resident(pid: int) -> int:
    """Resident memory of a process in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def idle(port: int, pid: int, kind: str) -> float:
    before = resident(pid)
    async with subscribed(port, kind, IDLE):
        return (resident(pid) - before) / IDLE


async def publishing(port: int, stopped: int) -> float:
    """The 99th percentile of a publication, in milliseconds, beside clients that do not read."""
    async with subscribed(port, "motia", 1, "large"), subscribed(port, "motia", stopped, "large") as clients:
        for client in clients:
            client.transport.pause_reading()
        took = await post(port, f"/large/{PUBLISHED}/0.002")
        return percentile(took, 0.99) * 1000


async def measure(port: int, pid: int) -> None:
    rates: dict[str, list[float]] = {"bare": [], "motia": []}
    delays: dict[str, list[float]] = {"bare": [], "motia": []}
    for _ in range(ROUNDS):
        for kind in ("bare", "motia"):
            rates[kind].append((await delivered(port, kind, 0))[0])
            delays[kind].append(percentile((await delivered(port, kind, PAUSE))[1], 0.99) * 1000)
    rows: list[list[object]] = [
        ["messages received per second, all at once"],
        [f"p99 of a delivery, one message every {PAUSE * 1000:.0f} ms, ms"],
    ]
    for row, found, digits in ((rows[0], rates, 0), (rows[1], delays, 2)):
        row += [f"{median(values):,.{digits}f}" for values in found.values()]
        ratios = [ours / bare for bare, ours in zip(found["bare"], found["motia"], strict=True)]
        row.append(f"{median(ratios):.2f}")
    memory = [await idle(port, pid, kind) for kind in ("bare", "motia")]
    rows.append(
        [
            f"memory per client, {IDLE:,} idle, KiB",
            *(f"{value:.1f}" for value in memory),
            f"{memory[1] / memory[0]:.2f}",
        ]
    )
    table(["", "bare", "motia", "ratio"], rows)
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(await publishing(port, 0))
        beside.append(await publishing(port, 10))
    print(f"\np99 of a publication: {median(alone):.2f} ms; with 10 clients that do not read: {median(beside):.2f} ms.")


def main() -> None:
    heading(
        "Streams",
        f"{SUBSCRIBERS} subscribers, {MESSAGES} messages, against a bare Starlette WebSocket that broadcasts the same "
        f"bytes, on one uvicorn; medians of {ROUNDS} rounds taken in turns.",
    )
    with server() as (port, pid):
        asyncio.run(measure(port, pid))
