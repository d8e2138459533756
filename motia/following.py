"""What follows from a change: the message that its triggers are told, sent in the same transaction where there is one.

State and streams are changed through it alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from typing import Any, Generic, TypeVar

from motia.databases.base import Connection
from motia.messages import Message
from motia.queues.base import Queue

T = TypeVar("T")
ChangeT = TypeVar("ChangeT")
Guard = Callable[[], Awaitable[None]]
"""Awaited before every change; raises where there must be none."""


class Following(Generic[ChangeT]):
    """Sends what follows from changes.

    Args:
        queue: where the messages go.
        joined: the changes and the queue can share a transaction; else the messages go out right after the change.
        message_of: the message of a change, or None where it has none.
    """

    def __init__(self, queue: Queue, *, joined: bool, message_of: Callable[[ChangeT], Message | None]) -> None:
        self._queue = queue
        self._joined = joined
        self._message_of = message_of
        self._guard: Guard | None = None

    def behind(self, guard: Guard) -> Following[ChangeT]:
        """The same for somebody who may have to be kept from changing anything."""
        guarded = copy(self)
        guarded._guard = guard
        return guarded

    async def after(self, make: Callable[[Callable[[ChangeT, Connection], Awaitable[None]]], Awaitable[T]]) -> T:
        """Make a change, and send what follows from it.

        Args:
            make: makes the change with the ``follow`` it is given, which its transaction may call again from the start.
        """
        if self._guard is not None:
            await self._guard()
        if self._joined:
            return await make(self._publish)
        messages: dict[Any, Message] = {}

        async def collect(change: ChangeT, connection: Connection) -> None:
            if (message := self._message_of(change)) is not None:
                messages[message.scope] = message  # in place of what an earlier try has left

        result = await make(collect)
        if messages:
            await self._queue.publish(list(messages.values()))
        return result

    async def _publish(self, change: ChangeT, connection: Connection) -> None:
        if (message := self._message_of(change)) is not None:
            await self._queue.publish([message], via=connection)
