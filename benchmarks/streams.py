"""Streams against a bare Starlette WebSocket that broadcasts the same bytes: everything is taken in turns."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.stream_clients import subscribed
from benchmarks.tables import heading, median, percentile, table

KINDS = ("bare", "motia")
SUBSCRIBERS, MESSAGES, ROUNDS = 500, 200, 3
PERIOD = 0.1
"""Seconds from one message to the next where delays are measured: both servers have time to spare."""
WARMING = 20
"""Messages of each kind that are not counted, since a process does much for the first time."""
IDLE, IDLE_ROUNDS = 2000, 2
PUBLISHED, STOPPED, BURSTS = 400, 10, 5
SEND_BUFFER = 16 * 1024
"""So that the line of who does not read is full after some 25 publications; after some 250 more they are given up."""


@contextmanager
def server(send_buffer: int | None = None) -> Iterator[tuple[int, int]]:
    """The port and process of a server of its own.

    Args:
        send_buffer: of each connection, in bytes; by default the system takes megabytes for who does not read.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        if send_buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        command = [sys.executable, "-m", "benchmarks.stream_server", str(listening.fileno())]
        process = subprocess.Popen(command, pass_fds=[listening.fileno()])
        port = listening.getsockname()[1]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=60):  # it waits in the backlog
            yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


async def post(port: int, path: str) -> Any:
    def send() -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", b"", method="POST")
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.loads(response.read() or b"null")

    return await asyncio.to_thread(send)


async def delivered(port: int, kind: str, period: float, count: int = MESSAGES) -> tuple[float, list[float]]:
    """Publish to all subscribers; messages received per second, and how long each took."""
    async with subscribed(port, kind, SUBSCRIBERS) as clients:
        began = time.monotonic()
        await post(port, f"/{kind}/{count}/{period}")
        deadline = time.monotonic() + 60
        while any(len(client.delays) < count for client in clients):
            assert time.monotonic() < deadline, "not everything arrived"
            await asyncio.sleep(0.01)
        seconds = max(client.last for client in clients) - began
        return SUBSCRIBERS * count / seconds, [delay for client in clients for delay in client.delays]


async def deliveries() -> list[list[object]]:
    """How much is received per second when all is sent at once, and how late when it is not."""
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    delays: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with server() as (port, _):
        for kind in KINDS:
            await delivered(port, kind, PERIOD, WARMING)
        for number in range(ROUNDS):
            for kind in KINDS if number % 2 else reversed(KINDS):
                rates[kind].append((await delivered(port, kind, 0))[0])
                delays[kind].append(percentile((await delivered(port, kind, PERIOD))[1], 0.99) * 1000)
    return [
        compared("messages received per second, all at once", rates, 0),
        compared(f"p99 of a delivery, one message every {PERIOD * 1000:.0f} ms, ms", delays, 2),
    ]


def compared(name: str, found: dict[str, list[float]], digits: int) -> list[object]:
    """A row: the medians, and the median of the ratios round by round."""
    ratios = [ours / bare for bare, ours in zip(found["bare"], found["motia"], strict=True)]
    return [name, *(f"{median(values):,.{digits}f}" for values in found.values()), f"{median(ratios):.2f}"]


def resident(pid: int) -> int:
    """Resident memory of a process in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def idle() -> list[object]:
    """Memory of a client that nothing is sent to, each time in a fresh process that has served both kinds before."""
    memory: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(IDLE_ROUNDS):
        for kind in KINDS:
            with server() as (port, pid):
                for warming in KINDS:
                    async with subscribed(port, warming, 20):
                        pass
                before = resident(pid)
                async with subscribed(port, kind, IDLE):
                    memory[kind].append((resident(pid) - before) / IDLE)
    return compared(f"memory per client, {IDLE:,} idle, KiB", memory, 1)


async def publications() -> None:
    """How long a publication takes: alone, beside clients that read, and beside clients that do not."""
    took: dict[str, list[float]] = {
        "with no client beside it": [],
        "with 10 clients": [],
        "with 10 that do not read": [],
    }
    with server(SEND_BUFFER) as (port, _):
        for _ in range(BURSTS):
            for name, (count, reading) in zip(took, ((0, True), (STOPPED, True), (STOPPED, False)), strict=True):
                async with (
                    subscribed(port, "motia", 1, group="large"),
                    subscribed(port, "motia", count, group="large", reading=reading),
                ):
                    took[name] += await post(port, f"/large/{PUBLISHED}/0.002")
    print(f"\nA publication of 4 KiB to one subscriber, {BURSTS} bursts of {PUBLISHED}:\n")
    rows = [
        [name, *(f"{percentile(values, part) * 1000:.2f}" for part in (0.5, 0.99))] for name, values in took.items()
    ]
    table(["", "p50 ms", "p99 ms"], rows)


async def measure() -> None:
    rows = [*await deliveries(), await idle()]
    table(["", *KINDS, "ratio"], rows)
    await publications()


def main() -> None:
    heading(
        "Streams",
        f"{SUBSCRIBERS} subscribers, {MESSAGES} messages, against a bare Starlette WebSocket that broadcasts the same "
        f"bytes, on one uvicorn; medians of {ROUNDS} rounds taken in turns.",
    )
    asyncio.run(measure())
