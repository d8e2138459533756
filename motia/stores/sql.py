"""The state store over a SQL database."""

from __future__ import annotations

import builtins
from typing import Any

from motia.clock import Clock
from motia.databases.base import Connection, Database
from motia.databases.migrations import LOCKS, Migrated, Versions, vacuumed
from motia.stores.base import MAX_PAGE, MAX_SHOWN, Compute, Follow, GroupPage, Kept, KeptPage, StoredChange


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
        # One bound below and nothing but the index within: then every planner begins where the page does.
        page = (
            "SELECT i.item_key, CASE WHEN length(i.value) <= :most THEN i.value END, length(i.value), "
            f"CASE WHEN {_LIVE} THEN 1 ELSE 0 END FROM (SELECT seq FROM {table} WHERE group_id = :group "
            "AND item_key {bound} :start AND item_key < :beyond ORDER BY item_key LIMIT :limit) q "
            f"JOIN {table} i ON i.seq = q.seq ORDER BY i.item_key"
        )
        self.page_from, self.page_after = page.format(bound=">="), page.format(bound=">")
        self.next_group = (
            f"SELECT group_id FROM {table} WHERE group_id > :after AND group_id < :beyond AND {_LIVE} "
            "ORDER BY group_id LIMIT 1"
        )
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


LAST = chr(0x10FFFF)
"""Beyond whatever begins a name."""


async def page_of(
    database: Database, sql: Statements, params: dict[str, Any], prefix: str, cursor: str | None, limit: int
) -> KeptPage:
    """A page of a group, by key.

    Args:
        params: ``group`` and ``now``.
    """
    limit = min(limit, MAX_PAGE)
    follows = cursor is not None and cursor >= prefix
    bounds = {"start": cursor if follows else prefix, "beyond": prefix + LAST, "most": MAX_SHOWN, "limit": limit + 1}
    statement = sql.page_after if follows else sql.page_from
    rows = await database.read(lambda connection: connection.rows(statement, params | bounds), long=True)
    items = [Kept(key, value, size) for key, value, size, is_live in rows[:limit] if is_live]
    return KeptPage(items, rows[limit - 1][0] if len(rows) > limit else None)


async def group_page(
    database: Database, sql: Statements, params: dict[str, Any], cursor: str | None, limit: int
) -> GroupPage:
    """Names of groups, each found from the one before by the index, however many values they have.

    Args:
        params: ``beyond``, which no name reaches, and ``now``; ``after`` where there is no cursor.
    """
    limit = min(limit, MAX_PAGE)

    async def work(connection: Connection) -> list[str]:
        found = [params["after"] if cursor is None else cursor]
        while len(found) <= limit + 1:
            rows = await connection.rows(sql.next_group, params | {"after": found[-1]})
            if not rows:
                break
            found.append(rows[0][0])
        return found[1:]

    names = await database.read(work, long=True)
    return GroupPage(names[:limit], names[limit - 1] if len(names) > limit else None)


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

    async def page(self, group: str, *, prefix: str = "", cursor: str | None = None, limit: int = 50) -> KeptPage:
        params = {"group": group, "now": self._clock.now()}
        return await page_of(self.database, SQL, params, prefix, cursor, limit)

    async def page_groups(self, cursor: str | None = None, limit: int = 50) -> GroupPage:
        params = {"after": "", "beyond": LAST, "now": self._clock.now()}
        return await group_page(self.database, SQL, params, cursor, limit)

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
