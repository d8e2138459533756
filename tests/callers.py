"""Callers with a transaction of their own: each kind of connection and session that messages can join."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import psycopg2
import pymysql
from psycopg.rows import dict_row
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

WAYS = {
    "sqlite": ["sqlite3", "session", "scoped", "async-session+aiosqlite", "connection"],
    "postgresql": [
        "psycopg",
        "async-psycopg",
        "psycopg2",
        "session+psycopg",
        "session+psycopg2",
        "async-session+psycopg",
        "async-session+asyncpg",
        "async-connection+psycopg",
    ],
    "mysql": ["pymysql", "session+pymysql", "async-session+aiomysql"],
}
COUNT = "SELECT count(*) FROM "


class Caller:
    """Somebody with a connection of his own.

    Attributes:
        lent: what he gives to ``enqueue``.
    """

    def __init__(self, native: Any, *, session: bool = False) -> None:
        self.native = native
        self.lent = {"session" if session else "connection": native}

    async def execute(self, sql: str) -> None:
        cursor = self.native.cursor()
        cursor.execute(sql)
        cursor.close()

    async def count(self, table: str) -> int:
        with closing(self.native.cursor()) as cursor:
            cursor.execute(COUNT + table)
            return _first(cursor.fetchone())

    async def commit(self) -> None:
        self.native.commit()

    async def rollback(self) -> None:
        self.native.rollback()

    @asynccontextmanager
    async def nested(self) -> AsyncIterator[None]:
        """A savepoint; rolled back on an error."""
        await self.execute("SAVEPOINT inner_one")
        try:
            yield
        except BaseException:
            await self.execute("ROLLBACK TO SAVEPOINT inner_one")
            raise
        await self.execute("RELEASE SAVEPOINT inner_one")


def _first(row: Any) -> int:
    return int(next(iter(row.values())) if isinstance(row, dict) else row[0])


class AsyncCaller(Caller):
    async def execute(self, sql: str) -> None:
        await self.native.execute(sql)

    async def count(self, table: str) -> int:
        return _first(await (await self.native.execute(COUNT + table)).fetchone())

    async def commit(self) -> None:
        await self.native.commit()

    async def rollback(self) -> None:
        await self.native.rollback()


class SessionCaller(Caller):
    async def execute(self, sql: str) -> None:
        self.native.execute(text(sql))

    async def count(self, table: str) -> int:
        return int(self.native.execute(text(COUNT + table)).scalar())

    @asynccontextmanager
    async def nested(self) -> AsyncIterator[None]:
        with self.native.begin_nested():
            yield


class AsyncSessionCaller(AsyncCaller):
    async def execute(self, sql: str) -> None:
        await self.native.execute(text(sql))

    async def count(self, table: str) -> int:
        return int((await self.native.execute(text(COUNT + table))).scalar())

    @asynccontextmanager
    async def nested(self) -> AsyncIterator[None]:
        async with self.native.begin_nested():
            yield


@asynccontextmanager
async def caller(way: str, url: str) -> AsyncIterator[Caller]:
    """A caller on the database of a backend's URL."""
    kind, _, driver = way.partition("+")
    if kind in {"session", "scoped", "connection"}:
        engine = create_engine(**_engine(url, driver))
        try:
            if kind == "connection":
                with engine.connect() as connection:
                    yield SessionCaller(connection)
            elif kind == "scoped":
                registry = scoped_session(sessionmaker(engine))
                yield SessionCaller(registry, session=True)
                registry.remove()
            else:
                with Session(engine) as session:
                    yield SessionCaller(session, session=True)
        finally:
            engine.dispose()
    elif kind.startswith("async-") and driver:
        waiting = create_async_engine(**_engine(url, driver))
        try:
            async with AsyncSession(waiting) if kind == "async-session" else waiting.connect() as native:
                yield AsyncSessionCaller(native, session=kind == "async-session")
        finally:
            await waiting.dispose()
    elif kind == "async-psycopg":
        async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as native:
            yield AsyncCaller(native)
    else:
        with closing(_connection(kind, url)) as native:
            yield Caller(native)


def _connection(kind: str, url: str) -> Any:
    parts = urlsplit(url)
    if kind == "sqlite3":
        native = sqlite3.connect(url.removeprefix("sqlite:///"), check_same_thread=False)
        native.row_factory = lambda cursor, row: dict(zip([item[0] for item in cursor.description], row, strict=True))
        return native
    if kind == "psycopg":
        return psycopg.connect(url, row_factory=dict_row)
    if kind == "psycopg2":
        return psycopg2.connect(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username or "",
        password=unquote(parts.password or ""),
        database=parts.path[1:],
        cursorclass=pymysql.cursors.DictCursor,
    )


def _engine(url: str, driver: str) -> dict[str, Any]:
    """What ``create_engine`` takes for a backend's URL."""
    scheme, _, rest = url.partition("://")
    if driver == "asyncpg":  # which knows no `options`
        address, _, schema = rest.partition("?options=-csearch_path%3D")
        settings = {"server_settings": {"search_path": schema}}
        return {"url": f"postgresql+asyncpg://{address}", "connect_args": settings}
    return {"url": f"{scheme}+{driver}://{rest}" if driver else url}
