"""Connections to Redis: an answer goes to whoever has asked, and nothing else is taken for one."""

from __future__ import annotations

import asyncio

import pytest
import redis

from motia.databases.redis import RedisServer, WaitingRedis
from motia.errors import QueueUnavailable

pytestmark = [pytest.mark.service, pytest.mark.parametrize("place", ["redis"], indirect=True)]


async def test_what_the_server_says_unasked_is_nobodys_answer(place: str) -> None:
    """It announces a changed key on the very connection that asks for something else."""
    url, _, prefix = place.partition("?prefix=")
    server = RedisServer(f"{url}?protocol=3", prefix=prefix, deadline=5.0)
    driver = WaitingRedis(server)
    assert await driver.command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", prefix) == b"OK"
    with redis.Redis.from_url(url) as other:
        for number in range(20):
            other.set(f"{prefix}:changed", number, ex=60)
            assert await driver.command("ECHO", str(number)) == str(number).encode()
    await server.close()


async def test_calls_at_once_have_connections_and_answers_of_their_own(place: str) -> None:
    url, _, prefix = place.partition("?prefix=")
    server = RedisServer(url, prefix=prefix, deadline=5.0)
    driver = WaitingRedis(server)
    asked = [str(number) * 1000 for number in range(200)]
    assert await asyncio.gather(*(driver.command("ECHO", word) for word in asked)) == [word.encode() for word in asked]
    await server.close()


async def test_an_answer_that_comes_too_late_is_not_that_of_the_next_call(place: str) -> None:
    """The server sleeps past the deadline; what it says then belongs to a call that is over."""
    url, _, prefix = place.partition("?prefix=")
    server = RedisServer(url, prefix=prefix, deadline=0.3)
    driver = WaitingRedis(server)
    with pytest.raises(QueueUnavailable):
        await driver.command("BLPOP", f"{prefix}:never", "1")
    for number in range(20):
        assert await driver.command("ECHO", str(number)) == str(number).encode()
        await asyncio.sleep(0.06)
    await server.close()
