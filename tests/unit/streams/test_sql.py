"""A database whose statements may see a later change and not the one before it, as MariaDB's do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from motia.clock import SystemClock
from motia.databases.base import NO_PARAMS, Params, Row, Work
from motia.databases.sqlite import AsyncSqlite
from motia.databases.sqlite_files import SqliteConnection, SqliteFile
from motia.streams.sql import READ, SqlStreams


class TornConnection(SqliteConnection):
    """Whose next view of the log leaves entries out."""

    __slots__ = ("hidden",)

    def __init__(self, native: Any, hidden: list[set[int]]) -> None:
        super().__init__(native)
        self.hidden = hidden

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        hidden = self.hidden.pop(0) if sql == READ and self.hidden else set()
        return [row for row in await super().rows(sql, params) if sql != READ or row[1] not in hidden]


class TornDatabase(AsyncSqlite):
    def __init__(self) -> None:
        super().__init__(SqliteFile(":memory:"))
        self.hidden: list[set[int]] = []

    async def read(self, work: Work[Any], *, long: bool = False) -> Any:
        return await super().read(lambda connection: work(TornConnection(connection.native, self.hidden)), long=long)


@pytest.fixture
async def database() -> AsyncIterator[TornDatabase]:
    opened = TornDatabase()
    yield opened
    await opened.close()


@pytest.fixture
async def streams(database: TornDatabase) -> SqlStreams:
    store = SqlStreams(database, SystemClock())
    await store.migrate()
    for number in range(1, 6):
        await store.emit("s", "g", None, str(number))
    return store


async def read(streams: SqlStreams, after: int) -> list[int] | None:
    entries = await streams.read("s", after, 100)
    return None if entries is None else [entry.seq for entry in entries]


@pytest.mark.parametrize("hidden", [{3}, {1}, {1, 2, 3, 4, 5}, {2, 4}])
async def test_what_was_not_seen_at_first_is_read_again(
    streams: SqlStreams, database: TornDatabase, hidden: set[int]
) -> None:
    database.hidden.append(hidden)
    assert await read(streams, 0) == [1, 2, 3, 4, 5]


async def test_nothing_is_handed_on_beyond_a_gap(streams: SqlStreams, database: TornDatabase) -> None:
    database.hidden += [{4}, {3, 4}]
    assert await read(streams, 1) == [2]
    assert await read(streams, 2) == [3, 4, 5]


async def test_the_end_of_the_log_is_read_once(streams: SqlStreams, database: TornDatabase) -> None:
    assert await read(streams, 3) == [4, 5]
    assert await read(streams, 5) == []


async def test_what_is_pruned_is_missed(streams: SqlStreams) -> None:
    assert await streams.prune(-1.0) == 5
    assert await read(streams, 2) is None
