"""Being told by PostgreSQL that somebody has committed, over a connection of its own. Needs psycopg 3 and no pool."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import psycopg

from motia.databases.postgres_dialect import CHANNEL
from motia.policies import reconnect_delay

LISTEN_CHECK = 30.0
"""Seconds of silence after which the connection is asked whether it is still there."""
_log = logging.getLogger("motia.queue")
_spread = random.Random()  # noqa: S311  # only spreads the reconnects


@contextmanager
def told(notify: Callable[[], None], connect: Callable[[], Awaitable[Any]]) -> Iterator[None]:
    """Call ``notify`` on the running loop whenever the server tells, for the time of a block.

    Args:
        connect: makes an async connection in autocommit mode.
    """
    task = asyncio.get_running_loop().create_task(_listen_for_ever(notify, connect))
    try:
        yield
    finally:
        task.cancel()


async def _listen_for_ever(notify: Callable[[], None], connect: Callable[[], Awaitable[Any]]) -> None:
    failures = 0
    while True:
        try:
            async with await connect() as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                failures = 0
                while True:
                    notify()  # for what came while nobody listened
                    async for _ in connection.notifies(timeout=LISTEN_CHECK):
                        notify()
                    await connection.execute("SELECT 1")
        except (psycopg.Error, OSError, TimeoutError) as error:
            failures += 1
            _log.debug("not told of new messages for the moment, looking instead: %s", error)
            await anyio.sleep(reconnect_delay(failures, _spread))
