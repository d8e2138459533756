"""The state store over a SQL database."""

from __future__ import annotations

import builtins
from typing import Any

from motia.clock import Clock
from motia.databases.base import Connection, Database
from motia.databases.migrations import LOCKS, Migrated, Versions, vacuumed
from motia.stores.base import Compute, Follow, StoredChange


def table(name: str) -> tuple[str, ...]:
    """A table of values."""
    return (
        f"""
        CREATE TABLE {name} (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            group_id TEXT NOT NULL,
            item_key TEXT NOT NULL,
            value TEXT NOT NULL,
            expires_at REAL,
            UNIQUE (group_id, item_key)
        )
        """,
        f"CREATE INDEX {name}_expiry ON {name} (expires_at) WHERE expires_at IS NOT NULL",
    )


SCHEMA: Versions = (table("motia_state"), (vacuumed("motia_state"), LOCKS))
_LIVE = "(expires_at IS NULL OR expires_at > :now)"


class Statements:
    """The statements on one table of values."""

    def __init__(self, table: str) -> None:
        of_key = f"FROM {table} WHERE group_id = :group AND item_key = :key"
        self.get = f"SELECT value {of_key} AND {_LIVE}"
        self.find = f"SELECT seq, CASE WHEN {_LIVE} THEN value END {of_key} /*for update*/"
        self.insert = (
            f"INSERT INTO {table} (group_id, item_key, value, expires_at) VALUES (:group, :key, :value, :now + :ttl)"
        )
        self.update = f"UPDATE {table} SET value = :value, expires_at = :now + :ttl WHERE seq = :seq"
        self.delete = f"DELETE FROM {table} WHERE seq = :seq"
        self.list = f"SELECT item_key, value FROM {table} WHERE group_id = :group AND {_LIVE} ORDER BY seq"
        self.groups = f"SELECT DISTINCT group_id FROM {table} WHERE {_LIVE} ORDER BY group_id"
        self.clear = f"DELETE FROM {table} WHERE group_id = :group"
        self.prune = f"DELETE FROM {table} WHERE expires_at <= :now"


async def replace(
    connection: Connection, sql: Statements, params: dict[str, Any], compute: Compute
) -> tuple[str | None, str | None]:
    """Replace one value by what ``compute`` makes of it; the old one and the new one.

    Args:
        params: ``group``, ``key``, ``now`` and ``ttl``.
    """
    found = await connection.rows(sql.find, params)
    old = found[0][1] if found else None
    new = compute(old)
    if found:
        params = params | {"seq": found[0][0]}
    if found and (old is None or new is None):
        # A value whose time has run out gives up its place in the order: setting it again is setting it first.
        await connection.run(sql.delete, params)
    if new is not None:
        await connection.run(sql.insert if old is None else sql.update, params | {"value": new})
    return old, new


SQL = Statements("motia_state")


class SqlStore(Migrated):
    """See ``motia.stores.base.Store`` for what each method promises.

    Args:
        database: where the table is.
        clock: the backend's clock, for a database that has none of its own.
    """

    part, versions = "state", SCHEMA

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    async def get(self, group: str, key: str) -> str | None:
        params = {"group": group, "key": key, "now": self._clock.now()}
        rows = await self.database.read(lambda connection: connection.rows(SQL.get, params))
        return rows[0][0] if rows else None

    async def change(
        self, group: str, key: str, compute: Compute, *, ttl: float | None = None, follow: Follow | None = None
    ) -> StoredChange:
        async def work(connection: Connection) -> StoredChange:
            params = {"group": group, "key": key, "now": self._clock.now(), "ttl": ttl}
            await connection.lock(f"state {group} {key}")
            change = StoredChange(group, key, *await replace(connection, SQL, params, compute))
            if follow is not None:
                await follow(change, connection)
            return change

        change = await self.database.write(work)
        if follow is not None:
            self.database.announce()
        return change

    async def list(self, group: str) -> builtins.list[tuple[str, str]]:
        params = {"group": group, "now": self._clock.now()}
        rows = await self.database.read(lambda connection: connection.rows(SQL.list, params), long=True)
        return [(key, value) for key, value in rows]

    async def groups(self) -> builtins.list[str]:
        params = {"now": self._clock.now()}
        return [
            row[0]
            for row in await self.database.read(lambda connection: connection.rows(SQL.groups, params), long=True)
        ]

    async def clear(self, group: str, *, follow: Follow | None = None) -> int:
        async def work(connection: Connection) -> int:
            params = {"group": group, "now": self._clock.now()}
            found = await connection.rows(SQL.list, params)
            await connection.run(SQL.clear, params)
            if follow is not None:
                for key, old in found:
                    await follow(StoredChange(group, key, old, None), connection)
            return len(found)

        count = await self.database.write(work)
        if follow is not None:
            self.database.announce()
        return count

    async def prune(self) -> int:
        params = {"now": self._clock.now()}
        return await self.database.write(lambda connection: connection.run(SQL.prune, params))

    async def close(self) -> None:
        await self.database.close()
