"""Leases: renewing our own, and taking back those of workers that are gone."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Collection, Sequence

import anyio

from motia.logs import deliveries
from motia.messages import Settlement
from motia.policies import DEAD_FOR, REAP_INTERVAL, STREAM_LOG_KEPT
from motia.queues.base import Queue
from motia.stores.base import Store
from motia.streams.base import StreamStore
from motia.worker.consumer import Consumer
from motia.worker.deaths import lost
from motia.worker.owner import is_gone
from motia.worker.running import Claim

PRUNE_INTERVAL = 600.0
_log = logging.getLogger("motia.worker")
_spread = random.Random()  # noqa: S311  # only spreads the workers


async def beat(queue: Queue, owner: str, lease: float, consumers: Sequence[Consumer]) -> None:
    """Renew our leases three times per lease, and cancel what is no longer ours or should stop. Runs for ever.

    Also where nothing runs: a claim that was tried again behind our back may have left deliveries that nobody knows.
    """
    strange: set[Claim] = set()
    while True:  # beats first: after a failed beat this starts anew, and must not let more of the lease go by
        strange = await beat_once(queue, owner, lease, consumers, strange)
        await anyio.sleep(lease / 3)


async def beat_once(
    queue: Queue, owner: str, lease: float, consumers: Sequence[Consumer], strange: Collection[Claim] = ()
) -> set[Claim]:
    """One beat. A delivery that the queue does not say is ours, though we held it before we asked, is lost.

    The other way round, a claim whose answer never reached us would be renewed for ever, so what is held for us at two
    beats and known to nobody here is handed back.

    Args:
        strange: held for us at the last beat, and unknown here.

    Returns:
        The same for this beat.
    """
    asked = time.monotonic()
    held = {(item.handle, item.token): item for item in await queue.beat(owner, lease)}
    for consumer in consumers:
        for claim, running in list(consumer.running.items()):
            known = held.get(claim)
            if running.since >= asked or running.lease.over:
                continue
            if known is None:
                running.cancel("lost")
                continue
            running.lease.renewed(asked)
            if known.cancel_requested:
                running.cancel("cancelled")
    unknown = {claim for claim in held if not any(consumer.knows(claim) for consumer in consumers)}
    if unheard_of := unknown.intersection(strange):
        _log.warning("handing back %s whose claim never reached this worker", deliveries(len(unheard_of)))
        await queue.exchange([Settlement(handle, token, "release") for handle, token in unheard_of])
    if not unknown:
        for consumer in consumers:
            consumer.unsure = False
    return unknown - unheard_of


async def reap(queue: Queue, store: Store, streams: StreamStore, lease: float, *, amnesty: bool) -> None:
    """Take back lapsed leases every few seconds, and forget what is too old. Runs for ever.

    After a time in which this process itself stood still (stopped, blocked, a machine asleep), the others may just be
    waking up too: their leases are not looked at for as long as one takes.

    Args:
        amnesty: wait for one full lease of a reachable backend first, so that the workers of a server that was away
            are not taken for dead. An error starts the wait anew.
    """
    expected = time.monotonic()
    trusted_from = expected + lease if amnesty else expected
    pruned = 0.0
    while True:
        held = await _take_back_orphans(queue)
        now = time.monotonic()
        if now - expected > lease / 2:
            trusted_from = now + lease
        if held and now >= trusted_from and (count := await queue.reap(lost)):
            _log.warning("took back %s whose worker stopped renewing its lease", deliveries(count))
        if time.monotonic() - pruned >= PRUNE_INTERVAL or not pruned:
            pruned = time.monotonic()
            await queue.prune(DEAD_FOR)
            await store.prune()
            await streams.prune(STREAM_LOG_KEPT)
        pause = REAP_INTERVAL * _spread.uniform(0.9, 1.1)
        expected = time.monotonic() + pause
        await anyio.sleep(pause)


async def _take_back_orphans(queue: Queue) -> bool:
    """What processes of this machine held when they died: no need to wait for their lease.

    Returns:
        Whether anybody holds a lease at all.
    """
    owners = await queue.owners()
    for owner in owners:
        if is_gone(owner) and (count := await queue.abandon(owner, lost)):
            _log.warning("took back %s of a process that has died", deliveries(count))
    return bool(owners)
