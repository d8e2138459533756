"""Changes survive: the web process is killed in a burst of them, and every client ends with the server's state."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from motia import Motia
from tests.browser.serving import ROOT, Server

CLIENTS = 20


class SocketClient:
    """Follows the group as Motia's client does, which comes back whenever it is hung up on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.items: dict[str, Any] = {}
        self.syncs = 0

    async def run(self) -> None:
        while True:
            try:
                async with connect(self._url) as connection:
                    data = {"streamName": "burst", "groupId": "g", "subscriptionId": "1"}
                    await connection.send(json.dumps({"type": "join", "data": data}))
                    async for text in connection:
                        self._told(json.loads(text))
            except (OSError, WebSocketException):
                pass
            await asyncio.sleep(0.1)

    def _told(self, frame: Any) -> None:
        event = frame["event"]
        if event["type"] == "sync":
            self.syncs += 1
            self.items = {item["id"]: item for item in event["data"]}
        elif event["type"] == "delete":
            self.items.pop(frame["id"], None)
        elif event["type"] == "create" or frame["id"] in self.items:  # an update of what it does not have is dropped
            self.items[frame["id"]] = event["data"]


class EventClient:
    """Follows the item ``ticker`` over server-sent events, and goes on where it stopped."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._last = ""
        self.seen: list[int] = []

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._follow()
            await asyncio.sleep(0.1)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            head = "GET /__motia/streams/burst/g/ticker HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: "
            writer.write(f"{head}{self._last}\r\n\r\n".encode())
            id = ""
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    id = line[4:].decode().strip()
                elif line.startswith(b"data: "):
                    event = json.loads(line[6:])["event"]
                    self._last = id
                    if event["data"] is not None:
                        self.seen.append(event["data"]["n"])
        finally:
            writer.close()


@pytest.mark.parametrize("count", [2000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.timeout(240)
async def test_clients_end_with_the_servers_state(tmp_path: Path, count: int) -> None:
    url = f"sqlite:///{tmp_path / 'motia.db'}"
    async with Motia(url) as motia:  # makes the tables before anybody races for it
        await motia.streams.burst.set("g", "ticker", {"n": 0})
    server = await anyio.to_thread.run_sync(lambda: Server("tests.faults.burst_app:app", {"MOTIA_URL": url}, keep=True))
    try:
        clients = [SocketClient(server.socket) for _ in range(CLIENTS)]
        follower = EventClient(server.port)
        tasks = [asyncio.create_task(client.run()) for client in (*clients, follower)]
        while not all(client.syncs for client in clients) or not follower.seen:  # nobody tells
            await asyncio.sleep(0.02)
        kills = await _burst(url, count, server)
        wanted = await _state(url)
        with anyio.fail_after(60):
            while follower.seen[-1] != wanted["ticker"]["n"] or any(client.items != wanted for client in clients):
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        await anyio.to_thread.run_sync(server.stop)
    assert kills >= 3
    assert wanted["ticker"]["n"] == count // 2
    assert follower.seen == list(range(count // 2 + 1))
    assert all(client.syncs > 1 for client in clients)


async def _burst(url: str, count: int, server: Server) -> int:
    """Have another process change the stream, and kill the web process three times meanwhile; how often."""
    command = [sys.executable, "-m", "tests.faults.publishing", url, str(count)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    due = [count * part // 4 for part in (1, 2, 3)]
    kills = 0
    async for line in process.stdout:
        if due and int(line) >= due[0]:
            due.pop(0)
            await anyio.to_thread.run_sync(lambda: (server.kill(), server.start()))
            kills += 1
    assert await process.wait() == 0
    return kills


async def _state(url: str) -> dict[str, Any]:
    async with Motia(url) as motia:
        return {item["id"]: item for item in await motia.streams.burst.list("g")}
