"""The stream store over a SQL database.

The head of a stream is a row that every change of it updates first: it numbers the entries, and its lock keeps the
order in which they commit the order of their numbers.

A statement on MariaDB may see what one transaction has committed and not what another has before it: the view of a
statement is put together while transactions end. The next statement sees both. So entries are handed on up to the first
gap, and a snapshot is taken there while nobody can change the stream.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from motia.clock import Clock
from motia.databases.base import Connection, Database
from motia.databases.migrations import Migrated, Versions, vacuumed
from motia.stores.base import Compute, GroupPage, KeptPage
from motia.stores.sql import Statements, group_page, page_of, replace, table
from motia.streams.base import BLIND_POLL, POLL, Entry, EntryFollow, Head, ItemChange, Page, Snapshot, entry_of

SCHEMA: Versions = (
    (
        *table("motia_stream_item"),
        """
        CREATE TABLE motia_stream_head (
            stream TEXT PRIMARY KEY,
            seq BIGINT NOT NULL,
            stamp REAL NOT NULL,
            born REAL NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE motia_stream_log (
            stream TEXT NOT NULL,
            seq BIGINT NOT NULL,
            stamp REAL NOT NULL,
            group_id TEXT NOT NULL,
            item_id TEXT,
            kind TEXT NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (stream, seq)
        )
        """,
        "CREATE INDEX motia_stream_log_age ON motia_stream_log (stamp)",
        vacuumed("motia_stream_item"),
        vacuumed("motia_stream_head"),
        vacuumed("motia_stream_log"),
    ),
)
ITEMS = Statements("motia_stream_item")
_MILLIS = "ROUND(:now * 1000)"
BEGIN = f"""
INSERT INTO motia_stream_head (stream, seq, stamp, born) VALUES (:stream, 0, {_MILLIS}, {_MILLIS})
ON CONFLICT (stream) DO NOTHING
"""
ADVANCE = f"""
UPDATE motia_stream_head
SET seq = seq + 1, stamp = CASE WHEN stamp >= {_MILLIS} THEN stamp + 1 ELSE {_MILLIS} END
WHERE stream = :stream
"""
HOLD = "UPDATE motia_stream_head SET seq = seq WHERE stream = :stream"
RETREAT = "UPDATE motia_stream_head SET seq = seq - 1 WHERE stream = :stream"
HEAD = "SELECT seq, stamp, born FROM motia_stream_head WHERE stream = :stream"
HEADS = "SELECT stream, seq FROM motia_stream_head"
APPEND = """
INSERT INTO motia_stream_log (stream, seq, stamp, group_id, item_id, kind, data)
VALUES (:stream, :seq, :stamp, :group, :id, :kind, :data)
"""
_JOIN = "LEFT JOIN motia_stream_item i ON i.group_id = :room"
SNAPSHOT = f"""
SELECT h.seq, h.stamp, h.born, i.item_key, i.value FROM motia_stream_head h {_JOIN}
WHERE h.stream = :stream ORDER BY i.seq
"""
SNAPSHOT_ITEM = f"""
SELECT h.seq, h.stamp, h.born, i.item_key, i.value FROM motia_stream_head h {_JOIN} AND i.item_key = :key
WHERE h.stream = :stream
"""
_ENTRIES = "SELECT stream, seq, stamp, group_id, item_id, kind, data FROM motia_stream_log"
READ = f"{_ENTRIES} WHERE stream = :stream AND seq > :after ORDER BY seq LIMIT :limit"
READ_GROUP = f"""
{_ENTRIES} WHERE stream = :stream AND seq > :after AND group_id = :group ORDER BY seq LIMIT :limit
"""
OLDEST = "SELECT MIN(seq) FROM motia_stream_log WHERE stream = :stream"
GROUPS = """
SELECT DISTINCT group_id FROM motia_stream_item WHERE group_id >= :first AND group_id < :beyond ORDER BY group_id
"""
PRUNE = "DELETE FROM motia_stream_log WHERE stamp < ROUND((:now - :kept) * 1000)"


class SqlStreams(Migrated):
    """See ``motia.streams.base.StreamStore`` for what each method promises.

    Args:
        database: where the tables are.
        clock: the backend's clock, for a database that has none of its own.
    """

    part, versions = "streams", SCHEMA

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.poll = BLIND_POLL if database.dialect == "mysql" else POLL
        self._is_torn = database.dialect == "mysql"
        self._clock = clock

    async def get(self, stream: str, group: str, id: str) -> str | None:
        params = self._params(stream, group, id)
        rows = await self.database.read(lambda connection: connection.rows(ITEMS.get, params))
        return rows[0][0] if rows else None

    async def list(self, stream: str, group: str) -> builtins.list[tuple[str, str]]:
        params = self._params(stream, group)
        rows = await self.database.read(lambda connection: connection.rows(ITEMS.list, params), long=True)
        return [(id, text) for id, text in rows]

    async def groups(self, stream: str) -> builtins.list[str]:
        first, beyond = _rooms(stream)
        params = {"first": first, "beyond": beyond}
        rows = await self.database.read(lambda connection: connection.rows(GROUPS, params), long=True)
        return [row[0][len(first) :] for row in rows]

    async def page(
        self, stream: str, group: str, *, prefix: str = "", cursor: str | None = None, limit: int = 50
    ) -> KeptPage:
        return await page_of(self.database, ITEMS, self._params(stream, group), prefix, cursor, limit)

    async def page_groups(self, stream: str, cursor: str | None = None, limit: int = 50) -> GroupPage:
        first, beyond = _rooms(stream)
        params = {"after": first, "beyond": beyond, "now": self._clock.now()}
        names, following = await group_page(self.database, ITEMS, params, cursor and first + cursor, limit)
        return GroupPage([name[len(first) :] for name in names], following and following[len(first) :])

    async def change(
        self, stream: str, group: str, id: str, compute: Compute, *, follow: EntryFollow | None = None
    ) -> ItemChange:
        async def work(connection: Connection) -> ItemChange:
            head = await self._advance(connection, stream)
            old, new = await replace(connection, ITEMS, self._params(stream, group, id), compute)
            entry = entry_of(stream, group, id, old, new)
            if entry is None:
                await connection.run(RETREAT, {"stream": stream})
                return ItemChange(None, None, None)
            entry = entry._replace(seq=head.seq, timestamp=head.timestamp)
            await self._append(connection, entry, follow)
            return ItemChange(old, new, entry)

        change = await self.database.write(work)
        self.database.announce()
        return change

    async def emit(
        self, stream: str, group: str, id: str | None, data: str, *, follow: EntryFollow | None = None
    ) -> Entry:
        async def work(connection: Connection) -> Entry:
            head = await self._advance(connection, stream)
            entry = Entry(stream, head.seq, head.timestamp, group, id, "event", data)
            await self._append(connection, entry, follow)
            return entry

        entry = await self.database.write(work)
        self.database.announce()
        return entry

    async def _advance(self, connection: Connection, stream: str) -> Head:
        """The next place in the log, which is ours until the transaction ends."""
        params = {"stream": stream, "now": self._clock.now()}
        if not await connection.run(ADVANCE, params):
            await connection.run(BEGIN, params)
            await connection.run(ADVANCE, params)
        return _head((await connection.rows(HEAD, params))[0])

    async def _append(self, connection: Connection, entry: Entry, follow: EntryFollow | None) -> None:
        values = entry._asdict()
        await connection.run(APPEND, {**values, "stamp": values.pop("timestamp")})
        if follow is not None:
            await follow(entry, connection)
        await connection.announce()

    async def snapshot(self, stream: str, group: str, id: str | None = None) -> Snapshot:
        params = self._params(stream, group, id) | {"room": room(stream, group)}

        async def work(connection: Connection) -> builtins.list[Any]:
            if self._is_torn:
                await connection.run(HOLD, params)
            return await connection.rows(SNAPSHOT if id is None else SNAPSHOT_ITEM, params)

        async def look() -> builtins.list[Any]:
            return await (self.database.write(work) if self._is_torn else self.database.read(work, long=id is None))

        rows = await look()
        if not rows:
            await self.database.write(lambda connection: connection.run(BEGIN, params))
            rows = await look()
        return Snapshot(_head(rows[0]), [(row[3], row[4]) for row in rows if row[3] is not None])

    async def heads(self, streams: Collection[str]) -> Mapping[str, int]:
        rows = await self.database.read(lambda connection: connection.rows(HEADS))
        return {stream: seq for stream, seq in rows if stream in streams}

    async def read(self, stream: str, after: int, limit: int) -> builtins.list[Entry] | None:
        params = {"stream": stream, "after": after, "limit": limit}

        async def work(connection: Connection) -> builtins.list[Entry] | None:
            entries = _entries(await connection.rows(READ, params))
            if not entries:
                found = await connection.rows(HEAD, params)
                if not found or found[0][0] <= after:
                    return []
            if not entries or entries[-1].seq != after + len(entries):  # logged meanwhile, seen too early, or pruned
                entries = _unbroken(_entries(await connection.rows(READ, params)), after)
            return entries or None

        return await self.database.read(work)

    async def resume(self, stream: str, group: str, after: int, born: int, limit: int) -> Page | None:
        params = {"stream": stream, "after": after, "group": group, "limit": limit}

        async def work(connection: Connection) -> Page | None:
            found = await connection.rows(HEAD, params)
            head = _head(found[0]) if found else None
            if head is None or head.born != born or head.seq < after:
                return None
            entries = [entry for entry in _entries(await connection.rows(READ_GROUP, params)) if entry.seq <= head.seq]
            # Looked up last, so that pruning meanwhile cannot take a part of the page unnoticed.
            oldest = (await connection.rows(OLDEST, params))[0][0]
            if head.seq > after and (oldest is None or oldest > after + 1):
                return None
            return Page(entries, entries[-1].seq if len(entries) == limit else head.seq)

        return await self.database.read(work, long=True)

    async def prune(self, kept: float) -> int:
        params = {"now": self._clock.now(), "kept": kept}
        return await self.database.write(lambda connection: connection.run(PRUNE, params))

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        return self.database.listen(notify)

    async def close(self) -> None:
        await self.database.close()

    def _params(self, stream: str, group: str, id: str | None = None) -> dict[str, Any]:
        return {"stream": stream, "group": room(stream, group), "key": id, "now": self._clock.now(), "ttl": None}


def room(stream: str, group: str) -> str:
    """Stream and group as one key; the name of a stream has no slash."""
    return f"{stream}/{group}"


def _rooms(stream: str) -> tuple[str, str]:
    """What all rooms of a stream begin with, and what is beyond them."""
    first = room(stream, "")
    return first, first[:-1] + chr(ord(first[-1]) + 1)


def _entries(rows: builtins.list[Any]) -> builtins.list[Entry]:
    return [Entry(stream, seq, int(stamp), group, id, kind, data) for stream, seq, stamp, group, id, kind, data in rows]


def _unbroken(entries: builtins.list[Entry], after: int) -> builtins.list[Entry]:
    """The entries up to the first that is missing."""
    return [entry for place, entry in enumerate(entries, after + 1) if entry.seq == place]


def _head(row: Any) -> Head:
    return Head(row[0], int(row[1]), int(row[2]))
