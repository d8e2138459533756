"""A queue that is elsewhere, for code in the project's transactions: what is sent waits for their commit.

In a transaction of the outbox's database a message is a row there, which commits and rolls back with it and which a
worker brings to the queue. In one of another database, or without an outbox, it is sent right after the commit; a
death between the two loses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

from motia.concurrency import drive
from motia.databases.base import Connection
from motia.integrations.django.queue import MigratedByDjango
from motia.messages import Message, Receipt
from motia.queues.base import Queue
from motia.queues.outbox import Outbox


class Outgoing:
    """The queue of blocking code. Everything but ``publish`` is the queue's own.

    Args:
        queue: over the blocking driver.
        outbox: the one of the open app, if there is one.
        alias: of the outbox's database.
    """

    def __init__(self, queue: Queue, outbox: Callable[[], Outbox | None], alias: str | None) -> None:
        self._queue = queue
        self._outbox = outbox
        self._alias = alias

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def publish(self, messages: Sequence[Message], *, via: Connection | None = None) -> list[Receipt]:
        if via is None:
            receipts = await self.hold(messages)
            if receipts is not None:
                return receipts
        return await self._queue.publish(messages, via=via)

    async def hold(self, messages: Sequence[Message]) -> list[Receipt] | None:
        """Have messages wait for the commit of this thread's transaction; None when there is none."""
        opened = [wrapper for wrapper in connections.all(initialized_only=True) if wrapper.in_atomic_block]
        if not opened:
            return None
        outbox = self._outbox()
        ours = [wrapper for wrapper in opened if wrapper.alias == self._alias]
        if outbox is not None and ours:
            return await outbox.put(messages, ours[0])
        opened[-1].on_commit(partial(self._send, messages))
        return [Receipt(message.id) for message in messages]

    def _send(self, messages: Sequence[Message]) -> None:
        drive(self._queue.publish(messages))


class OutgoingAsync:
    """The same for event loops: the transaction is looked for on the thread that Django keeps for this request."""

    def __init__(self, queue: Queue, blocking: Outgoing) -> None:
        self._queue = queue
        self._blocking = blocking

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def publish(self, messages: Sequence[Message], *, via: Connection | None = None) -> list[Receipt]:
        if via is None:
            receipts = await sync_to_async(lambda: drive(self._blocking.hold(messages)), thread_sensitive=True)()
            if receipts is not None:
                return receipts
        return await self._queue.publish(messages, via=via)


class DjangoOutbox(MigratedByDjango, Outbox):
    """The outbox in a database of the project."""
