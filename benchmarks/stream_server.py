"""What ``benchmarks.streams`` measures: motia's streams, and a bare WebSocket that broadcasts the same bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from motia import Motia, Stream
from motia.integrations.fastapi import mount

TEXT = "x" * 60
ticks = Stream("ticks")
motia = Motia("memory:")
app = FastAPI()
clients: set[WebSocket] = set()


def frame(now: float) -> str:
    """What a subscriber of ours is sent, to the byte."""
    item = {"t": now, "text": TEXT, "id": "a"}
    wrapped = {
        "type": "stream", "timestamp": int(time.time() * 1000), "streamName": "ticks", "groupId": "g", "id": "a",
        "event": {"type": "update", "data": item},
    }  # fmt: skip
    return json.dumps(wrapped, separators=(",", ":"))


@app.websocket("/bare")
async def bare(socket: WebSocket) -> None:
    await socket.accept()
    clients.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        clients.discard(socket)


async def paced(count: int, period: float) -> AsyncIterator[float]:
    """The moments of ``count`` messages, ``period`` seconds apart however long each takes; 0: at once.

    A message counts from when it is due, so that a server which falls behind does not hide it.
    """
    began = time.monotonic()
    for number in range(count):
        yield began + number * period if period else time.monotonic()
        if period:
            await asyncio.sleep(began + (number + 1) * period - time.monotonic())


@app.post("/bare/{count}/{period}")
async def broadcast(count: int, period: float) -> None:
    async for now in paced(count, period):
        text = frame(now)
        for client in list(clients):
            await client.send_text(text)


@app.post("/motia/{count}/{period}")
async def publish(count: int, period: float) -> None:
    async for now in paced(count, period):
        await ticks.set("g", "a", {"t": now, "text": TEXT})


@app.post("/large/{count}/{pause}")
async def publish_large(count: int, pause: float) -> list[float]:
    took = []
    for _ in range(count):
        began = time.monotonic()
        await ticks.set("large", "a", {"t": began, "text": TEXT * 70})
        took.append(time.monotonic() - began)
        await asyncio.sleep(pause)
    return took


@app.get("/ready")
async def ready() -> None:
    """Answers once everything is open."""


mount(app, motia, worker=False)

if __name__ == "__main__":
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
