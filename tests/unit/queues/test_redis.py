"""What the conformance suites do not ask of a queue, and Redis owes: no key left behind, order after a redrive."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
import redis

from motia.backends import Backend, open_backend
from motia.clock import SystemClock
from motia.databases import redis_scripts
from motia.errors import InvalidName
from motia.messages import Delivery, Message, Settlement, Subscription, new_id
from motia.queues.base import DeadQuery, Demand
from motia.queues.redis import PORTION, RedisQueue
from motia.stores.redis import RedisStore

pytestmark = [pytest.mark.service, pytest.mark.parametrize("place", ["redis"], indirect=True)]

SUBSCRIPTIONS = [
    Subscription("plain", "t", "plain"),
    Subscription("fifo", "t", "fifo", fifo=True),
    Subscription("narrow", "t", "narrow", concurrency=3),
    Subscription("late", "t", "late", delay=0.05),
    Subscription("strict", "t", "strict", fifo=True, blocks=True),
]
NAMES = frozenset(item.id for item in SUBSCRIPTIONS)


@pytest.fixture
async def backend(place: str) -> AsyncIterator[Backend]:
    opened = open_backend(place, SystemClock(), 5.0)
    yield opened
    await opened.waiting.queue.close()


@pytest.fixture
def queue(backend: Backend) -> RedisQueue:
    assert isinstance(backend.waiting.queue, RedisQueue)
    return backend.waiting.queue


def keys(place: str) -> dict[str, Any]:
    """Every key of ours with its type, without the prefix."""
    prefix = f"{{{place.rpartition('=')[2]}}}:"
    with redis.Redis.from_url(place.partition("?")[0], decode_responses=True) as client:
        return {key.removeprefix(prefix): client.type(key) for key in client.scan_iter(f"{prefix}*", count=1000)}


def messages(count: int) -> list[Message]:
    return [
        Message(
            new_id(),
            "t",
            str(number),
            key=f"k{number}" if number % 5 == 0 else None,
            dedupe_window=0.2,
            group=f"g{number % 4}" if number % 3 else None,
            priority=number % 7 - 3,
            delay=0.05 if number % 4 == 0 else 0.0,
        )
        for number in range(count)
    ]


async def finish(queue: RedisQueue, spread: random.Random) -> int:
    """Claim and settle in every way there is, until nothing is left; how many were done."""
    done, quiet = 0, 0
    while quiet < 3:
        owner = f"w{spread.randrange(3)}"
        suspects = spread.random() < 0.5
        exchange = await queue.exchange([], Demand(owner, 20, NAMES, 30.0, suspects))
        if spread.random() < 0.2 and exchange.deliveries:
            await queue.abandon(owner)
            continue
        settlements = []
        for item in exchange.deliveries:
            kind = spread.choice(["done", "done", "done", "retry", "release", "park", "dead"])
            done += kind == "done"
            settlements.append(Settlement(item.handle, item.token, kind, 0.01, "failed", "boom"))
        assert all((await queue.exchange(settlements)).settled)
        busy = any(item.ready + item.scheduled + item.running for item in await queue.stats())
        quiet = 0 if busy else quiet + 1
        if not exchange.deliveries and busy:
            await anyio.sleep(0.01)
    return done


async def test_nothing_is_left_behind_when_everything_is_done(queue: RedisQueue, place: str) -> None:
    await queue.subscribe(SUBSCRIPTIONS, steps=NAMES)
    spread = random.Random(3)
    batch = messages(120)
    await queue.publish(batch)
    for message in batch[::10]:
        assert await queue.cancel(message.id)
    done = await finish(queue, spread)
    dead = len(await queue.dead(DeadQuery()))
    assert done > 100
    assert dead > 10
    assert await queue.redrive(DeadQuery(limit=dead // 2)) == dead // 2
    await finish(queue, spread)
    while await queue.discard(DeadQuery()):
        await finish(queue, spread)
    with anyio.fail_after(5):
        while any(name.startswith("key:") for name in keys(place)):  # those run out by themselves
            await anyio.sleep(0.05)
    streams = {f"r:{item.id}": "stream" for item in SUBSCRIPTIONS}
    assert keys(place) == {"subs": "hash", "topic:t": "hash", "token": "string", **streams}
    await queue.subscribe([], steps=NAMES)
    assert keys(place) == {"token": "string"}


async def test_the_stream_of_a_forgotten_subscription_goes_with_its_last_delivery(
    queue: RedisQueue, place: str
) -> None:
    await queue.subscribe(SUBSCRIPTIONS[:1], steps=["plain"])
    await queue.publish([Message(new_id(), "t", "1")])
    (delivery,) = (await queue.exchange([], Demand("w", 5, NAMES))).deliveries
    await queue.subscribe([], steps=["plain"])
    assert (await queue.exchange([Settlement(delivery.handle, delivery.token, "done")])).settled == [True]
    assert keys(place) == {"token": "string"}


async def test_memory_does_not_grow_with_traffic(queue: RedisQueue, place: str) -> None:
    await queue.subscribe(SUBSCRIPTIONS[:1], steps=["plain"])

    async def round_trip() -> None:
        await queue.publish([Message(new_id(), "t", "x" * 1000) for _ in range(100)])
        claimed = (await queue.exchange([], Demand("w", 100, NAMES))).deliveries
        await queue.exchange([Settlement(item.handle, item.token, "done") for item in claimed])

    await round_trip()
    with redis.Redis.from_url(place.partition("?")[0]) as client:
        prefix = f"{{{place.rpartition('=')[2]}}}:"

        def weight() -> int:
            return sum(client.memory_usage(key) for key in client.scan_iter(f"{prefix}*", count=1000))

        before = weight()
        for _ in range(20):
            await round_trip()
        assert weight() < before + 4096, "two thousand messages of 1 kB have passed"


async def test_a_redriven_group_keeps_its_order(queue: RedisQueue) -> None:
    await queue.subscribe(SUBSCRIPTIONS[1:2], steps=["fifo"])
    await queue.publish([Message(new_id(), "t", str(number), group="g") for number in range(5)])
    for _ in range(3):
        (item,) = (await queue.exchange([], Demand("w", 5, NAMES))).deliveries
        await queue.exchange([Settlement(item.handle, item.token, "dead", reason="failed")])
    assert await queue.redrive(DeadQuery()) == 3
    order = []
    for _ in range(5):
        (item,) = (await queue.exchange([], Demand("w", 5, NAMES))).deliveries
        order.append(item.payload)
        await queue.exchange([Settlement(item.handle, item.token, "done")])
    assert order == ["3", "0", "1", "2", "4"], "behind the one whose turn it was, oldest first"


async def test_one_batch_cannot_settle_a_delivery_twice(queue: RedisQueue) -> None:
    await queue.subscribe(SUBSCRIPTIONS[:1], steps=["plain"])
    await queue.publish([Message(new_id(), "t", "1")])
    (item,) = (await queue.exchange([], Demand("w", 5, NAMES))).deliveries
    done = Settlement(item.handle, item.token, "done")
    retry = Settlement(item.handle, item.token, "retry")
    assert (await queue.exchange([done, retry, done])).settled == [False, True, False]


async def test_a_batch_of_thousands(queue: RedisQueue, place: str) -> None:
    await queue.subscribe(SUBSCRIPTIONS[:1], steps=["plain"])
    await queue.publish([Message(new_id(), "t", str(number)) for number in range(5_000)])
    claimed: list[Delivery] = []
    while len(claimed) < 5_000:
        wanted = 5_000 - len(claimed)
        found = await queue.exchange([], Demand("w", wanted, NAMES))
        assert len(found.deliveries) == PORTION, "while it serves one script the server serves nobody else"
        assert found.more == (wanted > PORTION)
        claimed += found.deliveries
    assert [item.payload for item in claimed] == [str(number) for number in range(5_000)]
    assert len(await queue.beat("w", 30.0)) == 5_000
    settlements = [Settlement(item.handle, item.token, "done") for item in claimed]
    assert all((await queue.exchange(settlements)).settled)
    assert set(keys(place)) == {"subs", "topic:t", "token", "r:plain"}


async def test_a_change_of_state_and_what_it_triggers_are_one(backend: Backend, queue: RedisQueue) -> None:
    """The script that writes the value sends the message; a script that fails does neither."""
    store = backend.waiting.store
    assert isinstance(store, RedisStore)
    await queue.subscribe(SUBSCRIPTIONS[:1], steps=["plain"])
    sent = Message(new_id(), "t", "changed")

    async def follow(change: Any, via: Any) -> None:
        await queue.publish([sent], via=via)

    await store.change("g", "k", lambda old: "1", follow=follow)
    assert await store.get("g", "k") == "1"
    (item,) = (await queue.exchange([], Demand("w", 5, NAMES))).deliveries
    assert item.message_id == sent.id

    async def failing(change: Any, via: Any) -> None:
        await queue.publish([Message(new_id(), "t", "never")], via=via)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.change("g", "k", lambda old: "2", follow=failing)
    assert await store.get("g", "k") == "1"
    assert (await queue.exchange([], Demand("w", 5, NAMES))).deliveries == []


async def test_who_waits_is_told_of_its_own_kind_over_one_connection(
    backend: Backend, queue: RedisQueue, place: str
) -> None:
    """A worker waits for messages, suspects and streams; a message wakes one of the three."""
    await queue.subscribe(SUBSCRIPTIONS[:1], steps=["plain"])
    told: list[str] = []

    async def until(said: list[str]) -> None:
        with anyio.fail_after(5):
            while told != said:
                await anyio.sleep(0.005)
        told.clear()

    with redis.Redis.from_url(place.partition("?")[0]) as client, ExitStack() as listening:
        channel = f"{{{place.rpartition('=')[2]}}}:wake"
        listening.enter_context(queue.listen(lambda: told.append("message")))
        listening.enter_context(queue.listen(lambda: told.append("suspect"), suspects=True))
        listening.enter_context(backend.waiting.streams.listen(lambda: told.append("stream")))
        await until(["message", "suspect", "stream"])  # for what came before anybody listened
        assert client.pubsub_numsub(channel)[0][1] == 1
        await queue.publish([Message(new_id(), "t", "1")])
        await until(["message"])
        assert (await queue.exchange([], Demand("w", 5, NAMES))).deliveries
        await queue.abandon("w")
        await until(["suspect"])
        client.publish(channel, "")  # as earlier versions of the scripts do
        await until(["message", "suspect", "stream"])
    with redis.Redis.from_url(place.partition("?")[0]) as client, anyio.fail_after(5):
        while client.pubsub_numsub(channel)[0][1]:
            await anyio.sleep(0.005)


EARLIER = """
local K, owner = KEYS[1], nil
for _, key in ipairs(redis.call('KEYS', K .. 'b:*')) do
    local f = {}
    for part in string.gmatch(redis.call('GET', key) .. '\\0', '([^%z]*)%z') do f[#f + 1] = part end
    redis.call('SET', key, cmsgpack.pack({f[2], f[3], f[10], f[4], f[5], tonumber(f[6]), f[7], f[1] == '=' and f[8],
                                          f[9] ~= '' and f[9]}))
end
for _, key in ipairs(redis.call('KEYS', K .. 'run:*')) do
    for _, id in ipairs(redis.call('HKEYS', key)) do
        local r = {struct.unpack('<Bddddddsss', redis.call('HGET', key, id))}
        redis.call('HSET', key, id, cmsgpack.pack({r[2], r[8], r[3], r[5], r[9] ~= '' and r[9], r[6], r[7],
                                                   r[1] > 1 and r[10], r[4]}))
    end
end
"""
"""Writes all deliveries and runs of a queue as the first form of the scripts did: arrays of nine in MessagePack."""


async def test_what_an_earlier_version_has_written_is_finished_by_this_one(queue: RedisQueue, place: str) -> None:
    await queue.subscribe(SUBSCRIPTIONS, steps=NAMES)
    sent = messages(60)
    await queue.publish(sent)
    held = (await queue.exchange([], Demand("w0", 30, NAMES))).deliveries
    assert {item.subscription for item in held} >= {"plain", "fifo"}
    with redis.Redis.from_url(place.partition("?")[0]) as client:
        client.eval(EARLIER, 1, f"{{{place.rpartition('=')[2]}}}:")
    assert {(item.handle, item.token) for item in await queue.beat("w0", 30.0)} == {
        (item.handle, item.token) for item in held
    }
    kinds = itertools.cycle(["done", "retry", "dead", "release"])
    settlements = [
        Settlement(item.handle, item.token, kind, 0.0, "failed") for item, kind in zip(held, kinds, strict=False)
    ]
    assert all((await queue.exchange(settlements)).settled)
    assert await queue.cancel(sent[1].id)
    payloads = {letter.id: letter.payload for letter in await queue.dead(DeadQuery())}
    assert payloads == {item.handle: item.payload for item in held[2::4]}
    await queue.redrive(DeadQuery())
    finished: dict[str, str] = {item.handle: item.payload for item in held[::4]}
    with anyio.fail_after(10):
        while any(item.ready + item.scheduled + item.running for item in await queue.stats()):
            claimed = (await queue.exchange([], Demand("w1", 100, NAMES))).deliveries
            for item in claimed:
                assert (item.topic, item.id) == ("t", item.handle)
                finished[item.handle] = item.payload
            await queue.exchange([Settlement(item.handle, item.token, "done") for item in claimed])
    assert finished == {
        f"{message.id}:{name}": message.payload
        for message in sent
        for name in NAMES
        if message.id != sent[1].id or f"{message.id}:{name}" in finished
    }
    assert len(finished) >= 4 * (len(sent) - 1)


@pytest.mark.parametrize("field", ["topic", "group"])
async def test_a_zero_byte_in_a_name_is_refused(queue: RedisQueue, field: str) -> None:
    """It ends a field of what is stored."""
    with pytest.raises(InvalidName, match="NUL"):
        await queue.publish([Message(new_id(), "t", "1")._replace(**{field: "a\0b"})])


def test_every_key_is_in_one_slot_of_a_cluster(place: str) -> None:
    """Keys are named after KEYS[1] alone, which ends in the hash tag."""
    scripts = [value for name, value in vars(redis_scripts).items() if name.isupper() and not name.startswith("_")]
    assert len(scripts) > 20
    for text in scripts:
        assert text.startswith("#!lua")
        assert "local K = KEYS[1]" in text
