"""The wire protocol of Motia's stream clients, without input or output: what a frame of theirs means, within limits.

Clients send ``{"type": "join", "data": {"streamName", "groupId", "id"?, "subscriptionId"}}`` and the same with
``leave``; what they are sent is in ``motia.streams.wire``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from motia.codec import loads
from motia.declared import check_name
from motia.errors import ConfigError
from motia.items import check_names
from motia.web.gate import StreamSubscription

MAX_FRAME = 16 * 1024
"""Longest frame of a client in bytes: a join has at most a fifth of that."""
MAX_SUBSCRIPTIONS = 256
"""Subscriptions of one connection."""
RATE = 50.0
"""Frames of a client per second, over time."""
BURST = 600.0
"""Frames at once: a client that comes back joins everything again."""
MALFORMED, BROKEN_RULE, TOO_LONG, TRY_LATER, GOING_AWAY, FAULT = 1007, 1008, 1009, 1013, 1001, 1011
"""Close codes of RFC 6455 section 7.4."""
HEARTBEAT = '{"type":"heartbeat","timestamp":0,"streamName":"","groupId":"","id":null,"event":{"type":"heartbeat"}}'
"""In the form of a frame for a room that nobody is in."""
AUTHORIZATION = "authorization"


class ProtocolError(Exception):  # told between two functions
    """The client broke the rules; the connection is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Join(NamedTuple):
    """The client wants to follow something."""

    subscription: StreamSubscription


class Leave(NamedTuple):
    """The client no longer wants to."""

    subscription: StreamSubscription


class Protocol:
    """What one connection has asked for.

    Args:
        now: a clock that never goes back, in seconds.

    Attributes:
        joined: the subscriptions that were granted, by the ids that the client gave them.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.joined: dict[str, StreamSubscription] = {}
        self._now = now
        self._tokens = BURST
        self._since = now()

    def received(self, frame: str | bytes) -> Join | Leave | None:
        """What a frame asks for; None where that is nothing.

        Raises:
            ProtocolError: it is too long, too soon, or no frame of this protocol.
        """
        self._count()
        if len(frame) > MAX_FRAME:
            raise ProtocolError(TOO_LONG, f"a frame is longer than {MAX_FRAME} bytes")
        try:
            data = loads(frame)
        except ValueError as error:
            raise ProtocolError(MALFORMED, "a frame is not JSON") from error
        if not isinstance(data, Mapping):
            raise ProtocolError(BROKEN_RULE, "a frame is not an object")
        kind = data.get("type")
        if kind not in {"join", "leave"}:
            return None
        subscription = _subscription(data.get("data"))
        known = self.joined.get(subscription.subscription_id)
        if kind == "leave":
            return None if known is None else Leave(known)
        return Join(subscription) if known is None else None

    def has_room(self) -> bool:
        """Whether the client may join one more."""
        return len(self.joined) < MAX_SUBSCRIPTIONS

    def _count(self) -> None:
        now = self._now()
        self._tokens = min(BURST, self._tokens + (now - self._since) * RATE) - 1.0
        self._since = now
        if self._tokens < 0:
            raise ProtocolError(BROKEN_RULE, f"more than {RATE:g} frames per second")


def chosen_subprotocol(offered: Sequence[str]) -> str | None:
    """Which of the sub-protocols to confirm: a client that offers some gives up where none is.

    A token comes as the second one, after ``Authorization``, and is not repeated.
    """
    return next((name for name in offered if name.lower() == AUTHORIZATION), offered[0] if offered else None)


def _subscription(data: Any) -> StreamSubscription:
    if not isinstance(data, Mapping):
        raise ProtocolError(BROKEN_RULE, "a join or leave has no data")
    stream, group, id = data.get("streamName"), data.get("groupId"), data.get("id") or None
    name = data.get("subscriptionId", f"{stream}/{group}/{id}")
    try:
        check_name(stream)
        check_names(group, id)
    except ConfigError as error:
        raise ProtocolError(BROKEN_RULE, "a join or leave names no stream, group or item") from error
    if not isinstance(name, str) or len(name) > MAX_FRAME // 4:
        raise ProtocolError(BROKEN_RULE, "a join or leave has no subscriptionId")
    return StreamSubscription(str(stream), str(group), id, name)
