"""Our statements on Django's connections, in the words of each vendor."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from motia.concurrency import drive
from motia.databases import mysql_dialect, postgres_dialect
from motia.databases.base import NO_PARAMS, Connection, Params, Row

_NAME = re.compile(r"(?<!:):([a-z_]+)")


class DjangoConnection:
    """Runs our statements through Django's cursors, so that its logging and its checks see them; never suspends.

    Args:
        alias: of the database; the connection is the calling thread's.
        ring: called once something has been committed.
        wrapper: a connection of our own, in the place of the calling thread's.
    """

    def __init__(self, alias: str, ring: Callable[[], None], wrapper: BaseDatabaseWrapper | None = None) -> None:
        self._alias = alias
        self._ring = ring
        self._wrapper = wrapper

    @property
    def native(self) -> Any:
        return self._wrapper or connections[self._alias]

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        with self.native.cursor() as cursor:
            cursor.execute(self.translate(sql), params)
            found: list[Row] = cursor.fetchall()
            return found

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        with self.native.cursor() as cursor:
            cursor.execute(self.translate(sql), params)
            return int(cursor.rowcount)

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        if not params:
            return 0
        with self.native.cursor() as cursor:
            cursor.executemany(self.translate(sql), params)
            return int(cursor.rowcount)

    def translate(self, sql: str) -> str:
        """A statement of ours with the parameters that Django's cursors take."""
        return _pyformat(sql)

    async def lock(self, name: str) -> None:
        """SQLite has one writer at a time already."""

    async def announce(self) -> None:
        """Ring once the transaction is committed: at once where there is none, and once however often it is asked."""
        wrapper = self.native
        if any(call[1] == self._ring for call in wrapper.run_on_commit):
            return
        await self.tell()
        if wrapper.in_atomic_block:
            wrapper.on_commit(self._ring, robust=True)
        else:
            self._ring()

    async def tell(self) -> None:
        """Tell other processes of a SQLite file: they watch it."""

    async def commit(self) -> None:
        """Django's own blocks do that."""

    async def rollback(self) -> None:
        """See ``commit``."""


class PostgresqlConnection(DjangoConnection):
    def translate(self, sql: str) -> str:
        return postgres_dialect.translate(sql)

    async def lock(self, name: str) -> None:
        await self.rows(postgres_dialect.LOCK, {"name": f"motia {name}"})

    async def tell(self) -> None:
        await self.rows(postgres_dialect.NOTIFY, {"channel": postgres_dialect.CHANNEL})


class MysqlConnection(DjangoConnection):
    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        return (await mysql_dialect.run_program(self._execute, sql, params))[1]

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        return (await mysql_dialect.run_program(self._execute, sql, params))[0]

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        return sum([await self.run(sql, item) for item in params])

    async def lock(self, name: str) -> None:
        await self.run(mysql_dialect.LOCK, {"slot": mysql_dialect.slot_of(name)})

    async def _execute(self, statement: str, values: Params) -> tuple[int, list[Row]]:
        with self.native.cursor() as cursor:
            cursor.execute(statement, values)
            return int(cursor.rowcount), list(cursor.fetchall()) if cursor.description else []


class Hopping:
    """A connection of some thread, used from an event loop.

    Args:
        on_thread: runs a function on that thread.
    """

    def __init__(self, connection: Connection, on_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._connection = connection
        self._on_thread = on_thread

    @property
    def native(self) -> Any:
        return self._connection.native

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        found: list[Row] = await self._on_thread(lambda: drive(self._connection.rows(sql, params)))
        return found

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        return int(await self._on_thread(lambda: drive(self._connection.run(sql, params))))

    async def run_many(self, sql: str, params: Any) -> int:
        return int(await self._on_thread(lambda: drive(self._connection.run_many(sql, params))))

    async def lock(self, name: str) -> None:
        await self._on_thread(lambda: drive(self._connection.lock(name)))

    async def announce(self) -> None:
        await self._on_thread(lambda: drive(self._connection.announce()))


KINDS: dict[str, type[DjangoConnection]] = {
    "sqlite": DjangoConnection,
    "postgresql": PostgresqlConnection,
    "mysql": MysqlConnection,
}
DIALECTS = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql"}


@lru_cache(maxsize=512)
def _pyformat(sql: str) -> str:
    return _NAME.sub(r"%(\1)s", sql)
