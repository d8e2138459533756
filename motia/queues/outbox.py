"""The outbox: messages that were sent in a transaction of a database which is not the queue's.

A row is written in the caller's transaction. A relay, one at a time for each outbox, publishes what has been committed
to the queue and deletes it. If it dies between the two, the next one publishes it again, and the queue knows the
message by its id: see ``Message.relayed``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from motia.clock import Clock
from motia.codec import dumps, loads
from motia.databases.base import Connection, Database
from motia.databases.checking import check
from motia.databases.joining import adopt
from motia.databases.migrations import Migrated, Versions, vacuumed
from motia.messages import Delivery, Message, Receipt

SCHEMA: Versions = (
    (
        """
        CREATE TABLE motia_outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            message_id TEXT NOT NULL,
            payload TEXT NOT NULL,
            created_at REAL NOT NULL
        )
        """,
        """
        CREATE TABLE motia_relay (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            lease_until REAL NOT NULL
        ) WITHOUT ROWID
        """,
        vacuumed("motia_outbox"),
    ),
    (
        """
        CREATE TABLE motia_handled (
            delivery_id TEXT PRIMARY KEY,
            token INTEGER NOT NULL,
            handled_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX motia_handled_age ON motia_handled (handled_at)",
        vacuumed("motia_handled"),
    ),
)
PUT = "INSERT INTO motia_outbox (message_id, payload, created_at) VALUES (:id, :payload, :now)"
WAITING = "SELECT 1 FROM motia_outbox LIMIT 1"
OLDEST = "SELECT seq, payload, :now - created_at FROM motia_outbox ORDER BY seq LIMIT :limit"
FORGET = "DELETE FROM motia_outbox WHERE seq = :seq"
# The columns in this order: MySQL sees the first one changed already when it judges the second.
LEASE = """
INSERT INTO motia_relay (id, owner, lease_until) VALUES ('outbox', :owner, :now + :lease)
ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
WHERE motia_relay.lease_until <= :now OR motia_relay.owner = excluded.owner
"""
HOLDER = "SELECT owner FROM motia_relay WHERE id = 'outbox' AND lease_until > :now"
HANDLED = """
INSERT INTO motia_handled (delivery_id, token, handled_at) VALUES (:id, :token, :now)
ON CONFLICT (delivery_id) DO NOTHING
"""
HANDLED_BY = "SELECT token FROM motia_handled WHERE delivery_id = :id"
PRUNE_HANDLED = "DELETE FROM motia_handled WHERE handled_at < :now - :age"
END_LEASE = "UPDATE motia_relay SET lease_until = 0 WHERE owner = :owner"


class Waiting(NamedTuple):
    """A message in the outbox, and the row it is in."""

    seq: int
    message: Message


class Outbox(Migrated):
    """The outbox in one database.

    Args:
        database: of the callers' transactions.
        clock: for a database that has none of its own.
    """

    part, versions = "outbox", SCHEMA

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    async def put(self, messages: Sequence[Message], native: Any) -> list[Receipt]:
        """Write messages in the transaction of a connection or session of the caller.

        What a dedupe key duplicates is known only when they reach the queue, so no receipt says so.

        Raises:
            ConfigError: it is not on this kind of database.
        """
        return await self.put_on(adopt(self.database, native), messages)

    async def put_on(self, connection: Connection, messages: Sequence[Message]) -> list[Receipt]:
        """The same on a connection of which it is known how to use it."""
        now = self._clock.now()
        rows = [{"id": item.id, "payload": dumps(item._asdict()), "now": now} for item in messages]
        await connection.run_many(PUT, rows)
        await connection.announce()
        return [Receipt(item.id) for item in messages]

    async def settle(self, delivery: Delivery, connection: Connection) -> bool:
        """Note in the caller's transaction that a delivery is done; False when another run of it has done so."""
        params = {"id": delivery.id, "token": delivery.token, "now": self._clock.now()}
        await connection.run(HANDLED, params)
        found = await connection.rows(HANDLED_BY + " /*for update*/", params)
        return bool(found) and found[0][0] == delivery.token

    async def is_settled(self, delivery: Delivery) -> bool:
        """Whether a run of this delivery has committed, though the queue may not have heard of it."""
        return bool(await self.database.read(lambda connection: connection.rows(HANDLED_BY, {"id": delivery.id})))

    async def prune(self, age: float) -> None:
        """Forget deliveries that were done so many seconds ago."""
        params = {"now": self._clock.now(), "age": age}
        await self.database.write(lambda connection: connection.run(PRUNE_HANDLED, params))

    async def any(self) -> bool:
        """Whether something waits for a relay."""
        return bool(await self.database.read(lambda connection: connection.rows(WAITING)))

    async def take(self, owner: str, lease: float, limit: int) -> list[Waiting] | None:
        """The oldest messages, for the relay ``owner``, which for so many seconds is the only one.

        Returns:
            None when another one is.
        """
        params = {"owner": owner, "lease": lease, "now": self._clock.now(), "limit": limit}

        async def work(connection: Connection) -> list[Waiting] | None:
            if not await connection.run(LEASE, params):
                return None
            return [_waiting(*row) for row in await connection.rows(OLDEST, params)]

        return await self.database.write(work)

    async def forget(self, sent: Sequence[Waiting]) -> None:
        """Delete what has been published."""
        rows = [{"seq": item.seq} for item in sent]
        await self.database.write(lambda connection: connection.run_many(FORGET, rows))

    async def holder(self) -> str | None:
        """The one relay that holds the lease."""
        params = {"now": self._clock.now()}
        found = await self.database.read(lambda connection: connection.rows(HOLDER, params))
        return str(found[0][0]) if found else None

    async def end(self, owner: str) -> None:
        """Let another relay take over from ``owner`` at once."""
        await self.database.write(lambda connection: connection.run(END_LEASE, {"owner": owner}))

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``notify`` called on the running loop when there may be something to publish. A hint."""
        return self.database.listen(notify)

    async def check(self) -> None:
        """Return where something can be put in now; see ``Queue.check``."""
        await check(self.database)

    async def close(self) -> None:
        """Give back the connections."""
        await self.database.close()


def _waiting(seq: int, payload: str, waited: float) -> Waiting:
    fields = loads(payload)
    group, key = fields.pop("scope")
    message = Message(**fields, scope=(group, key))
    left = max(0.0, message.delay - max(0.0, waited))
    return Waiting(seq, message._replace(delay=left, relayed=True))
