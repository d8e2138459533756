"""The relay: brings what has been committed in the outbox to the queue.

Every worker has one, and one of them works at a time, which keeps the order in which messages were written. It is woken
like a worker, by a hint over a poll; looking costs one small read.
"""

from __future__ import annotations

import logging
import random
import time

import anyio

from motia.concurrency import Alarm
from motia.errors import QueueUnavailable, StorageError
from motia.policies import DEAD_FOR
from motia.queues.base import Queue
from motia.queues.outbox import Outbox
from motia.worker.owner import is_gone

BATCH = 200
LEASE = 15.0
"""Seconds until the place of a relay that says nothing is taken; longer than it may wait for both servers."""
PRUNE_INTERVAL = 600.0
"""Seconds between times at which what was done long ago is forgotten."""
POLL = 1.0
"""Seconds between looks at an outbox that is silent."""
_log = logging.getLogger("motia.queue")
_spread = random.Random()  # noqa: S311  # only spreads the workers


async def relay(outbox: Outbox, queue: Queue, owner: str) -> None:
    """Publish what is in the outbox. Runs for ever.

    Args:
        owner: who we are among the relays.
    """
    alarm = Alarm()
    pruned = -PRUNE_INTERVAL
    try:
        with outbox.listen(alarm.set):
            while True:
                if time.monotonic() - pruned >= PRUNE_INTERVAL:
                    pruned = time.monotonic()
                    await outbox.prune(DEAD_FOR)
                if not (await outbox.any() and await relay_once(outbox, queue, owner)):
                    await alarm.wait(POLL * _spread.uniform(0.9, 1.1))
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(1.0):
            await _leave(outbox, owner)


async def relay_once(outbox: Outbox, queue: Queue, owner: str) -> int:
    """Publish one batch; how many messages. 0 when there are none, or another relay is at it."""
    waiting = await outbox.take(owner, LEASE, BATCH)
    if waiting is None:
        await _take_over(outbox, owner)
        return 0
    if not waiting:
        return 0
    began = time.monotonic()
    await queue.publish([item.message for item in waiting])
    await outbox.forget(waiting)
    _log.debug("relayed %d messages in %.3f s", len(waiting), time.monotonic() - began)
    return len(waiting)


async def _take_over(outbox: Outbox, owner: str) -> None:
    """A relay of this machine that has died need not be waited for."""
    holder = await outbox.holder()
    if holder is not None and holder != owner and is_gone(holder):
        _log.warning("the relay of the outbox has died; another one goes on")
        await outbox.end(holder)


async def _leave(outbox: Outbox, owner: str) -> None:
    """Have nobody wait for us. Who cannot say so is waited for."""
    try:
        await outbox.end(owner)
    except (QueueUnavailable, StorageError) as error:
        _log.debug("the next relay of the outbox waits up to %g s: %s", LEASE, error)
