"""Clients of ``benchmarks.stream_server``: WebSockets that are as cheap as may be, so that the server is measured."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

AT_ONCE = 50
SMALL = 4096
"""Receive buffer of a client that does not read, in bytes: its line is full after a few messages."""


class Subscriber(asyncio.Protocol):
    """Reads frames, and notes when each came.

    Args:
        join: what it asks for first; None where it is told everything anyway.
    """

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


@asynccontextmanager
async def subscribed(
    port: int, kind: str, count: int, *, group: str = "g", reading: bool = True
) -> AsyncIterator[list[Subscriber]]:
    """Clients that follow a group, for the time of a block.

    Args:
        kind: ``bare`` or ``motia``.
        reading: False for clients that take nothing once they are let in.
    """
    found: list[Subscriber] = []
    try:
        while len(found) < count:
            wanted = min(AT_ONCE, count - len(found))
            found += await asyncio.gather(*(_connected(port, kind, group, reading) for _ in range(wanted)))
        yield found
    finally:
        for subscriber in found:
            subscriber.transport.abort()
        await asyncio.sleep(0.5)


async def _connected(port: int, kind: str, group: str, reading: bool) -> Subscriber:
    loop = asyncio.get_running_loop()
    join = {"type": "join", "data": {"streamName": "ticks", "groupId": group, "subscriptionId": "1"}}
    path, wish = ("/bare", None) if kind == "bare" else ("/__motia/streams", join)
    line = socket.socket()
    line.setblocking(False)
    if not reading:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    await loop.sock_connect(line, ("127.0.0.1", port))
    _, subscriber = await loop.create_connection(lambda: Subscriber(path, wish), sock=line)
    async with asyncio.timeout(30):
        await subscriber.ready
    if not reading:
        subscriber.transport.pause_reading()
    return subscriber
