"""Queues: what waits and runs, looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from motia.messages import Unfinished
from motia.queues.base import MAX_LISTED, MAX_SHOWN, UnfinishedQuery
from motia.testing.conformance.harness import Harness, subscription

HOUR = 3600.0
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
BACK = 0.001
"""Seconds by which clocks may differ in their last figures."""


async def look(harness: Harness, state: Any, of: str = "s", **more: Any) -> list[Unfinished]:
    """What another process sees."""
    return await harness.other.unfinished(UnfinishedQuery(of, state, **more))


def shown(found: Sequence[Unfinished]) -> list[str | None]:
    """The payloads."""
    return [item.payload for item in found]


class QueueLooks:
    """What ``unfinished`` promises."""

    async def test_each_delivery_is_in_the_list_of_its_state(self, harness: Harness) -> None:
        await harness.subscribe(subscription(), subscription("other", "u"))
        await harness.send('"a"', '"b"', '"c"', traceparent=TRACE)
        await harness.send('"elsewhere"', topic="u")
        (later,) = await harness.send('"later"', delay=HOUR)
        (running,) = await harness.claim(1, by="w1")
        assert shown(await look(harness, "ready")) == ['"b"', '"c"']
        assert shown(await look(harness, "scheduled")) == ['"later"']
        assert shown(await look(harness, "suspect")) == []
        (seen,) = await look(harness, "running")
        assert (seen.id, seen.payload, seen.attempt, seen.owner) == (running.id, '"a"', 1, "w1")
        assert (seen.traceparent, seen.topic, seen.subscription, seen.size) == (TRACE, "t", "s", 3)
        assert await harness.settle(running)
        assert await look(harness, "running") == []
        (seen,) = await look(harness, "scheduled")
        assert (seen.message_id, seen.attempt, seen.owner, seen.reason) == (later.id, 0, None, None)
        assert abs(seen.due - seen.created - HOUR) < 1
        assert abs(seen.created - harness.now()) < HOUR / 2
        assert await look(harness, "ready", "nobody") == []

    async def test_their_turn_comes_by_priority_and_then_by_age(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2")
        await harness.send("9", priority=5)
        await harness.send("0", priority=-1)
        await harness.send("3")
        assert shown(await look(harness, "ready")) == ["9", "1", "2", "3", "0"]
        assert shown(await look(harness, "ready", limit=2)) == ["9", "1"]
        assert shown(await look(harness, "ready", limit=3, last=True)) == ["0", "3", "2"]
        await harness.claim(3)
        assert shown(await look(harness, "ready")) == ["3", "0"]
        assert len(await look(harness, "running", limit=2)) == 2

    async def test_scheduled_ones_come_when_they_are_due(self, harness: Harness) -> None:
        await harness.subscribe(subscription(), subscription("other"))
        for hours in (3, 1, 2):
            await harness.send(str(hours), delay=hours * HOUR)
        assert shown(await look(harness, "scheduled")) == ["1", "2", "3"]
        assert shown(await look(harness, "scheduled", limit=2, last=True)) == ["3", "2"]
        assert {item.subscription for item in await look(harness, "scheduled")} == {"s"}

    async def test_what_is_retried_tells_why_and_what_is_handed_back_is_ready(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2")
        first, second = await harness.claim(2)
        await harness.settle(first, "retry", delay=HOUR, reason="failed", error="boom")
        await harness.settle(second, "release")
        (seen,) = await look(harness, "scheduled")
        assert (seen.payload, seen.attempt, seen.reason, seen.error) == ("1", 1, "failed", "boom")
        assert seen.due - seen.created > HOUR - BACK
        (seen,) = await look(harness, "ready")
        assert (seen.payload, seen.attempt) == ("2", 0)

    async def test_a_suspect_is_apart(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2")
        await harness.claim(1, by="dead")
        await harness.queue.abandon("dead")
        (seen,) = await look(harness, "suspect")
        assert (seen.payload, seen.crashes, seen.attempt) == ("1", 1, 1)
        assert shown(await look(harness, "ready")) == ["2"]

    async def test_those_of_a_fifo_group_wait_behind_its_first(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        for group in ("a", "b"):
            await harness.send(*(json.dumps(f"{group}{n}") for n in range(3)), group=group)
        found = await look(harness, "ready")
        assert sorted(map(str, shown(found))) == ['"a0"', '"a1"', '"a2"', '"b0"', '"b1"', '"b2"']
        assert {item.group for item in found} == {"a", "b"}
        await harness.claim()
        assert sorted(map(str, shown(await look(harness, "ready")))) == ['"a1"', '"a2"', '"b1"', '"b2"']
        assert sorted(map(str, shown(await look(harness, "running")))) == ['"a0"', '"b0"']
        assert len(await look(harness, "ready", limit=3, last=True)) == 3

    async def test_what_was_cancelled_or_is_dead_is_not_there(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        (first, *_) = await harness.send("1", "2", "3")
        await harness.queue.cancel(first.id)
        (dead,) = await harness.claim(1)
        await harness.settle(dead, "dead", reason="failed")
        assert shown(await look(harness, "ready")) == ["3"]
        assert await look(harness, "running") == []

    @pytest.mark.parametrize(
        "payload", ['"ünï 😀 \\" \\\\ \\u0000"', json.dumps("ü" * 4000, ensure_ascii=False), "null"]
    )
    async def test_a_payload_is_shown_as_it_was_sent(self, harness: Harness, payload: str) -> None:
        await harness.subscribe(subscription())
        await harness.send(payload)
        (seen,) = await look(harness, "ready")
        assert seen.payload == payload
        assert len(payload) <= seen.size <= len(payload.encode())

    async def test_a_long_payload_is_left_out_and_the_list_is_bounded(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send(*(json.dumps("x" * (MAX_SHOWN + extra)) for extra in (0, 9000)))
        await harness.send(*map(str, range(MAX_LISTED)))
        found = await look(harness, "ready", limit=10_000)
        assert len(found) == MAX_LISTED
        assert shown(found[:3]) == [None, None, "0"]
        assert [item.size for item in found[:2]] == [MAX_SHOWN + 2, MAX_SHOWN + 9002]
