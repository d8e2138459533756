"""A client that vanished without a word: its line stays open, takes nothing, and nobody ever says that it has ended."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from motia import Motia, Stream
from motia.web import streaming
from motia.web.streaming import StreamSocket

JOIN = {"type": "join", "data": {"streamName": "streaming.vanished", "groupId": "g", "subscriptionId": "1"}}
left: list[str] = []


async def _on_leave(subscription: Any, context: Any) -> None:
    left.append(subscription.subscription_id)


vanished = Stream("streaming.vanished", on_leave=_on_leave)


class HalfOpen:
    """What the host has of such a client: it said hello and joined; after ``takes`` messages no write ever ends."""

    def __init__(self, takes: int) -> None:
        self.sent: list[Any] = []
        self.stuck: list[str] = []
        self._takes = takes
        self._said = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": json.dumps(JOIN)},
        ]

    async def receive(self) -> Any:
        if not self._said:
            await anyio.sleep_forever()
        return self._said.pop(0)

    async def send(self, message: Any) -> None:
        if len(self.sent) >= self._takes:
            self.stuck.append(message["type"])
            await anyio.sleep_forever()
        self.sent.append(message)


@pytest.mark.parametrize("takes", [1, 2, 5])
async def test_a_client_that_takes_nothing_any_more_is_given_up(takes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(streaming, "CLOSE_TIMEOUT", 0.02)
    left.clear()
    client = HalfOpen(takes)
    scope = {"type": "websocket", "path": "/__motia/streams", "headers": [], "client": ("127.0.0.1", 1)}
    async with Motia("memory:") as motia:
        with anyio.fail_after(5):
            await StreamSocket(motia)(scope, client.receive, client.send)
    kinds = [json.loads(item["text"])["event"]["type"] for item in client.sent[1:]]
    assert kinds == ["sync", "heartbeat", "heartbeat", "heartbeat"][: takes - 1]
    assert client.stuck == ["websocket.send", "websocket.close"], "it is told why, if it should still be there"
    assert left == ["1"], "its place is free"
