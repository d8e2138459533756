"""What an app under test has sent, noted in the transactions that send it: what is rolled back was never sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from motia.backends import Ports
from motia.codec import loads
from motia.concurrency import drive
from motia.databases.base import Connection, Database
from motia.messages import Message, Receipt


class Sent:
    """The messages that were sent. They stay readable when the app is closed."""

    def __init__(self) -> None:
        self._by_id: dict[str, Message] = {}
        self._kept: list[Message] = []
        self._database: Database | None = None

    def open(self, ports: Ports) -> None:
        """Begin to take notes, in the database of these ports, of the blocking driver."""
        database = ports.database
        assert database is not None
        drive(database.write(lambda connection: connection.run("CREATE TABLE motia_sent (id TEXT NOT NULL)")))
        self._database = database

    def close(self) -> None:
        """Keep what there is."""
        self._kept, self._database = self.messages, None

    @property
    def messages(self) -> list[Message]:
        """Every message, in order."""
        if self._database is None:
            return self._kept
        rows = drive(
            self._database.read(lambda connection: connection.rows("SELECT id FROM motia_sent ORDER BY rowid"))
        )
        return [self._by_id[id] for (id,) in rows]

    async def note(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Note messages in the transaction that sends them."""
        self._by_id |= {message.id: message for message in messages}
        await connection.run_many("INSERT INTO motia_sent VALUES (:id)", [{"id": message.id} for message in messages])


class Watch:
    """The messages of one topic, as they are sent."""

    def __init__(self, topic: str, sent: Sent) -> None:
        self._topic = topic
        self._sent = sent

    @property
    def events(self) -> list[Any]:
        """The data of each message so far, in order."""
        return [loads(message.payload) for message in self._sent.messages if message.topic == self._topic]

    @property
    def last(self) -> Any:
        """The data of the latest message; None when there is none."""
        events = self.events
        return events[-1] if events else None


class WatchedQueue:
    """A queue whose messages are noted."""

    def __init__(self, queue: Any, database: Database, sent: Sent) -> None:
        self._queue = queue
        self._database = database
        self._sent = sent

    async def publish(self, messages: Sequence[Message], *, via: Connection | None = None) -> list[Receipt]:
        if via is not None:
            return await self._noted(messages, via)
        return await self._database.write(lambda connection: self._noted(messages, connection))

    async def _noted(self, messages: Sequence[Message], via: Connection) -> list[Receipt]:
        receipts: list[Receipt] = await self._queue.publish(messages, via=via)
        new = [message for message, receipt in zip(messages, receipts, strict=True) if not receipt.duplicate]
        await self._sent.note(via, new)
        return receipts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def watched(ports: Ports, sent: Sent) -> Ports:
    """Ports whose queue is watched; they have a database."""
    assert ports.database is not None
    queue: Any = WatchedQueue(ports.queue, ports.database, sent)
    return dataclasses.replace(ports, queue=queue)
