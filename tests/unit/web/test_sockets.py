"""The wire protocol, without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from motia.web.sockets import BURST, MAX_SUBSCRIPTIONS, RATE, Join, Leave, Protocol, ProtocolError, chosen_subprotocol


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def frame(kind: str, name: str = "s1", **data: Any) -> str:
    wish = {"streamName": "todo", "groupId": "inbox", "subscriptionId": name, **data}
    return json.dumps({"type": kind, "data": wish})


def test_a_join_names_what_is_wanted() -> None:
    asked = Protocol().received(frame("join", id="t1"))
    assert isinstance(asked, Join)
    assert dict(asked.subscription) == {
        "stream_name": "todo", "group_id": "inbox", "id": "t1", "subscription_id": "s1",
    }  # fmt: skip
    assert asked.subscription.groupId == asked.subscription["group_id"] == "inbox"


@pytest.mark.parametrize("id", [None, ""])
def test_no_id_is_the_whole_group(id: Any) -> None:
    asked = Protocol().received(frame("join", id=id))
    assert isinstance(asked, Join)
    assert asked.subscription.id is None


def test_only_what_was_joined_is_left() -> None:
    protocol = Protocol()
    assert protocol.received(frame("leave")) is None
    asked = protocol.received(frame("join"))
    assert isinstance(asked, Join)
    protocol.joined["s1"] = asked.subscription
    assert protocol.received(frame("join")) is None
    left = protocol.received(frame("leave", groupId="forged"))
    assert left == Leave(asked.subscription)


def test_frames_come_at_a_rate() -> None:
    clock = Clock()
    protocol = Protocol(clock)
    for _ in range(int(BURST)):
        protocol.received("{}")
    with pytest.raises(ProtocolError) as stopped:
        protocol.received("{}")
    assert stopped.value.code == 1008
    clock.time += 2.0
    for _ in range(int(RATE)):
        protocol.received("{}")


def test_a_connection_has_room_for_so_many() -> None:
    protocol = Protocol()
    asked = protocol.received(frame("join"))
    assert isinstance(asked, Join)
    for number in range(MAX_SUBSCRIPTIONS):
        assert protocol.has_room()
        protocol.joined[str(number)] = asked.subscription
    assert not protocol.has_room()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        (["Authorization", "secret"], "Authorization"),
        (["secret", "authorization"], "authorization"),
        (["x"], "x"),
    ],
)
def test_the_token_is_not_repeated(offered: list[str], chosen: str | None) -> None:
    assert chosen_subprotocol(offered) == chosen
