"""What ``benchmarks.streams`` measures: motia's streams, and a bare WebSocket that broadcasts the same bytes."""

from __future__ import annotations

import asyncio
import json
import time

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


@app.post("/bare/{count}/{pause}")
async def broadcast(count: int, pause: float) -> None:
    for _ in range(count):
        text = frame(time.monotonic())
        for client in list(clients):
            await client.send_text(text)
        await asyncio.sleep(pause)


@app.post("/motia/{count}/{pause}")
async def publish(count: int, pause: float) -> list[float]:
    took = []
    for _ in range(count):
        began = time.monotonic()
        await ticks.set("g", "a", {"t": began, "text": TEXT})
        took.append(time.monotonic() - began)
        if pause:
            await asyncio.sleep(pause)
    return took


@app.post("/large/{count}/{pause}")
async def publish_large(count: int, pause: float) -> list[float]:
    took = []
    for _ in range(count):
        began = time.monotonic()
        await ticks.set("large", "a", {"t": began, "text": TEXT * 70})
        took.append(time.monotonic() - began)
        await asyncio.sleep(pause)
    return took


mount(app, motia, worker=False)
