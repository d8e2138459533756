"""SQLite: the embedded database, a file or memory, through the standard library.

One write connection and one read connection per process, each behind a lock. On an event loop a statement is tried
where it stands, with no waiting at all: 22 µs against 100 µs for a hop to a thread. When the lock or the file is
taken the same work is run again on a thread that may wait. Blocking callers wait where they are.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from motia.concurrency import ThreadPool
from motia.databases.base import (
    Borrowed,
    Transaction,
    Work,
    enclosing,
    held_open,
    joined,
    savepoint,
)
from motia.databases.sqlite_files import WRITE, Busy, LentSqliteConnection, Line, SqliteConnection, SqliteFile
from motia.errors import ConfigError

T = TypeVar("T")


class SyncSqlite:
    """The blocking driver: waits on the caller's own thread."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.dialect = "sqlite"

    def announce(self) -> None:
        self._file.bell.ring()

    @property
    def shared(self) -> object:
        return self._file

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        connection = joined(self)
        if connection is not None:
            return await work(connection)
        return await self._transact(work, write=True, within=within)

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        connection = joined(self)
        if connection is not None:
            return await work(connection)
        return await self._transact(work, write=False, long=long)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if (outer := enclosing(self)) is not None:
            async with savepoint(outer):
                yield outer
            return
        line = self._file.lend()
        connection = await self._begin(line)
        try:
            with held_open(self, connection) as transaction:
                yield transaction
            connection.native.execute("COMMIT")
        except BaseException:
            connection.undo()
            raise
        finally:
            line.lock.release()
            self._file.take_back(line)
        self.announce()

    def adopt(self, native: Any) -> Borrowed:
        if not isinstance(native, sqlite3.Connection):
            raise ConfigError(f"expected a sqlite3.Connection to {self._file.path!r}, got {type(native).__name__}")
        return LentSqliteConnection(native)

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        return self._file.listen(notify)

    async def close(self) -> None:
        self._file.close()

    async def _transact(self, work: Work[T], *, write: bool, long: bool = False, within: float | None = None) -> T:
        return self._file.insist(work, write=write, within=within)

    async def _begin(self, line: Line) -> SqliteConnection:
        return self._acquire(line)

    def _acquire(self, line: Line) -> SqliteConnection:
        try:
            return line.acquire(WRITE, time.monotonic() + self._file.busy_timeout)
        except Busy as busy:
            raise self._file.locked() from busy
        except sqlite3.Error as error:
            raise self._file.translate(error) from error


class AsyncSqlite(SyncSqlite):
    """The event loop's driver: tries at once, and waits on a thread when it must."""

    def __init__(self, file: SqliteFile) -> None:
        super().__init__(file)
        self._threads = ThreadPool(4)

    async def _transact(self, work: Work[T], *, write: bool, long: bool = False, within: float | None = None) -> T:
        if not long:
            try:
                return self._file.attempt(work, write=write)
            except Busy:
                pass  # run it again where waiting does no harm
        return await self._threads.run(partial(self._file.insist, work, write=write, within=within))

    async def _begin(self, line: Line) -> SqliteConnection:
        try:
            return line.acquire(WRITE, 0.0)
        except Busy:
            return await self._threads.run(partial(self._acquire, line))
        except sqlite3.Error as error:
            raise self._file.translate(error) from error
