"""The queue on the caller's connection: what a request or a handler sends through."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from django.db import connections

from motia.clock import Clock
from motia.concurrency import drive
from motia.databases.base import Connection, Database
from motia.messages import Message, Receipt, Subscription
from motia.queues import statements as sql
from motia.queues.base import Capabilities
from motia.queues.sql import SqlQueue
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams
from motia.traces.sql import SqlTraces


class MigratedByDjango:
    """Its tables come, and change, with ``manage.py migrate``."""

    async def migrate(self) -> None:
        """Nothing: see above."""

    async def pending(self) -> list[str]:
        """Nothing: see above."""
        return []


class DjangoQueue(MigratedByDjango, SqlQueue):
    """A queue whose app opens without touching the database.

    The subscriptions are written with the first message, in its transaction; usually ``migrate`` or a worker has
    written them long before, and one look is all it takes.

    Args:
        alias: of the database.
        here: the queue over the calling thread's connection; default: this one.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        capabilities: Capabilities,
        alias: str,
        here: DjangoQueue | None = None,
    ) -> None:
        super().__init__(database, clock, capabilities=capabilities)
        self.alias = alias
        self._here = here or self
        self._wanted: tuple[Sequence[Subscription], Collection[str]] | None = None
        self._unsure = False

    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        self._here._wanted = (subscriptions, steps)

    async def declare(self) -> None:
        """Write the subscriptions, on the calling thread's connection; for the queue of that alone."""
        if self._wanted is None:
            return
        subscriptions, steps = self._wanted
        changed, gone = await self._differences(subscriptions, steps)
        if changed or gone:
            await self._subscribe(changed, gone)
        wrapper = connections[self.alias]
        if (changed or gone) and wrapper.in_atomic_block:
            self._unsure = True  # the transaction may be undone, and they with it
            wrapper.on_commit(self._declared)
        elif not self._unsure or not wrapper.in_atomic_block:
            self._declared()

    def _declared(self) -> None:
        self._wanted, self._unsure = None, False

    async def _publish(self, connection: Connection, messages: Sequence[Message]) -> list[Receipt]:
        other = self._other_transaction()
        if other is not None:
            connections[other].on_commit(partial(self._later, messages))
            return [Receipt(message.id) for message in messages]
        await self._here.declare()
        return await super()._publish(connection, messages)

    async def _first(self, connection: Connection, message: Message, now: float) -> str | None:
        """See ``SqlQueue``. Django has MySQL count rows that an upsert leaves as they are, so the row is looked at."""
        if message.key is None or self.database.dialect != "mysql":
            return await super()._first(connection, message, now)
        params = {"topic": message.topic, "key": message.key, "id": message.id, "now": now}
        await connection.run(sql.DEDUPE, params | {"window": message.dedupe_window})
        first = str((await connection.rows(sql.DEDUPE_FIRST, params))[0][0])
        return None if first == message.id else first

    def _other_transaction(self) -> str | None:
        """A database whose transaction is open on this thread, when ours has none: the message waits for its commit."""
        if connections[self.alias].in_atomic_block:
            return None
        opened = [wrapper.alias for wrapper in connections.all(initialized_only=True) if wrapper.in_atomic_block]
        return opened[-1] if opened else None

    def _later(self, messages: Sequence[Message]) -> None:
        drive(self._here.publish(messages))


class DjangoStreams(MigratedByDjango, SqlStreams):
    """The streams on the caller's connection."""


class DjangoStore(MigratedByDjango, SqlStore):
    """The state on the caller's connection."""


class DjangoTraces(MigratedByDjango, SqlTraces):
    """The traces on the caller's connection."""
