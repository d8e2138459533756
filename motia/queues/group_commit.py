"""Group commit: what an event loop's tasks send while a commit is on its way goes together with the next one.

Who sends alone waits for nobody. Where many send at once, each for itself, the disk is waited for once for all of them,
and the server is asked once. No message is kept here that nobody waits for, so what waits is bounded by its senders.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from motia.errors import QueueUnavailable
from motia.messages import Message, Receipt

Publish = Callable[[Sequence[Message], float], Coroutine[Any, Any, list[Receipt]]]
LANES = 2
"""Commits of one event loop that are on their way at once: while the server writes one, the next is prepared."""
MOST = 100
"""Messages of one commit."""


@dataclass(slots=True, eq=False)
class _Waiting:
    message: Message
    until: float
    sent: asyncio.Future[Receipt]


class GroupCommit:
    """The commits of all event loops of a process.

    Args:
        publish: sends messages in one transaction, within so many seconds, and may be told the same ones again.
        patience: seconds after which a sender gives up, its wait for a commit included.
    """

    def __init__(self, publish: Publish, patience: float) -> None:
        self._publish = publish
        self._patience = patience
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lanes] = WeakKeyDictionary()

    async def send(self, message: Message) -> Receipt:
        """Send one message, alone or with what others send.

        Raises:
            QueueUnavailable: it was not sent in time; nothing is known to be written.
        """
        loop = asyncio.get_running_loop()
        lanes = self._loops.get(loop)
        if lanes is None:
            lanes = self._loops[loop] = _Lanes(self._publish, self._patience)
        return await lanes.send(message)


class _Lanes:
    """The commits of one event loop."""

    def __init__(self, publish: Publish, patience: float) -> None:
        self._publish = publish
        self._patience = patience
        self._flying = 0
        self._waiting: deque[_Waiting] = deque()
        self._flights: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> Receipt:
        if self._flying >= LANES or self._waiting:
            return await self._with_others(message)
        self._flying += 1
        try:
            return (await self._publish([message], self._patience))[0]
        finally:
            self._landed()

    async def _with_others(self, message: Message) -> Receipt:
        until = time.monotonic() + self._patience
        waiting = _Waiting(message, until, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(self._patience):
                return await waiting.sent
        except TimeoutError as error:
            raise QueueUnavailable(
                f"the queue did not answer within {self._patience:g} s; nothing is known to be written"
            ) from error

    def _landed(self) -> None:
        """Let those go that have waited: in a task of its own, since whoever landed may be cancelled."""
        self._flying -= 1
        group = self._next_group()
        if group:
            self._flying += 1
            flight = asyncio.get_running_loop().create_task(self._fly(group), context=Context())
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)

    def _next_group(self) -> list[_Waiting]:
        """Those that have waited longest, without those that have given up."""
        group: list[_Waiting] = []
        while self._waiting and len(group) < MOST:
            waiting = self._waiting.popleft()
            if not waiting.sent.done():
                group.append(waiting)
        return group

    async def _fly(self, group: list[_Waiting]) -> None:
        try:
            await self._send(group)
        finally:
            for waiting in group:
                waiting.sent.cancel()  # without effect on those that have heard; the loop ends under the others
            self._landed()

    async def _send(self, group: list[_Waiting]) -> None:
        left = max(waiting.until for waiting in group) - time.monotonic()
        try:
            receipts = await self._publish([waiting.message for waiting in group], max(0.001, left))
        except QueueUnavailable as error:
            _tell(group, error)
        except Exception as error:  # goes to whoever sent what the database does not take
            if len(group) == 1:
                _tell(group, error)
                return
            for waiting in group:
                await self._send([waiting])
        else:
            for waiting, receipt in zip(group, receipts, strict=True):
                if not waiting.sent.done():
                    waiting.sent.set_result(receipt)


def _tell(group: list[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.sent.done():
            waiting.sent.set_exception(error)
