"""SQLite files: their connections, the locks around them, and what goes wrong with them."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from motia.concurrency import Bell, drive
from motia.databases.base import NO_PARAMS, Params, Row, Work
from motia.databases.watching import watch
from motia.errors import ConfigError, CorruptStore, QueueUnavailable, ReadOnlyStore, StorageError

T = TypeVar("T")
WRITE = "BEGIN IMMEDIATE"
_IDLE_TRANSACTIONS = 4
_files: weakref.WeakSet[SqliteFile] = weakref.WeakSet()


class SqliteConnection:
    """Runs our statements on a ``sqlite3`` connection; never suspends."""

    __slots__ = ("native",)

    def __init__(self, native: sqlite3.Connection) -> None:
        self.native = native

    def undo(self) -> None:
        """Roll back, unless an error has done so already."""
        if self.native.in_transaction:
            self.native.execute("ROLLBACK")

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        return self.native.execute(sql, params).fetchall()

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        return self.native.execute(sql, params).rowcount

    async def lock(self, name: str) -> None:
        """There is one writer at a time already."""

    async def announce(self) -> None:
        """Other processes watch the file."""

    async def run_many(self, sql: str, params: Any) -> int:
        return self.native.executemany(sql, params).rowcount


class LentSqliteConnection(SqliteConnection):
    """The same on a connection of the caller, who may want rows of another kind."""

    __slots__ = ()

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        cursor = self.native.cursor()
        cursor.row_factory = None
        return cursor.execute(sql, params).fetchall()

    async def commit(self) -> None:
        self.native.commit()

    async def rollback(self) -> None:
        self.native.rollback()


class Busy(Exception):  # a signal between the two ways of waiting, never seen outside
    """The lock or the file is taken, and the caller does not want to wait."""


class Line:
    """One connection and the lock that keeps it to one thread at a time. Opened when first used.

    It is closed with the app, or when nobody refers to it any more: scripts and tests do not always close their apps.
    """

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.lock = threading.Lock()
        self.connection: SqliteConnection | None = None
        self._identity: object = None
        self._forgotten: weakref.finalize[Any, Line] | None = None

    def begin(self, kind: str) -> SqliteConnection:
        """Start a transaction; the lock must be held. ``BUSY`` is raised at once, never waited for."""
        try:
            connection = self.connection
            if connection is None:
                connection = self._open()
            elif kind == WRITE and self._identity != self._file.identity():
                raise self._file.gone()
            connection.native.execute(kind)
            return connection
        except sqlite3.Error as error:
            if _primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise Busy from error
            raise

    def _open(self) -> SqliteConnection:
        connection = self.connection = SqliteConnection(self._file.connect())
        self._identity = self._file.identity()
        self._forgotten = weakref.finalize(self, connection.native.close)
        self._forgotten.atexit = False
        return connection

    def acquire(self, kind: str, deadline: float) -> SqliteConnection:
        """Take the lock and start a transaction, waiting until ``deadline`` (monotonic); 0 does not wait.

        Raises:
            Busy: it could not be had in time.
        """
        wait = max(0.0, deadline - time.monotonic()) if deadline else 0.0
        if not self.lock.acquire(blocking=bool(deadline), timeout=wait if deadline else -1):
            raise Busy
        try:
            while True:
                try:
                    return self.begin(kind)
                except Busy:
                    if time.monotonic() >= deadline:
                        raise
                time.sleep(random.uniform(0.0005, 0.005))  # noqa: S311  # only spreads the contenders
        except BaseException:
            self.lock.release()
            raise

    def close(self) -> None:
        with self.lock:
            if self._forgotten is not None:
                self._forgotten()
            self.connection = None

    def abandon(self) -> None:
        """Never close it: it is the parent's, and this is a forked child."""
        if self._forgotten is not None:
            self._forgotten.detach()


class SqliteFile:
    """One database file, shared by both drivers.

    Args:
        path: of the file; ``:memory:`` for a database that lives and dies with this object.
        busy_timeout: seconds a caller waits for a lock held by somebody else.
        synchronous: ``NORMAL`` survives every death of a process; ``FULL`` survives a power cut as well, and is slower.
    """

    def __init__(self, path: str, *, busy_timeout: float = 5.0, synchronous: str = "NORMAL") -> None:
        if synchronous.upper() not in {"NORMAL", "FULL", "OFF", "EXTRA"}:
            raise ConfigError(f"synchronous expected NORMAL, FULL, EXTRA or OFF, got {synchronous!r}")
        self.path = path
        self.memory = path == ":memory:"
        self._place = path if self.memory else os.path.abspath(path)  # connections are made later, wherever we are then
        self.busy_timeout = busy_timeout
        self.bell = Bell()
        self._synchronous = synchronous.upper()
        self._abandoned: list[Line] = []
        self._reset()
        _files.add(self)

    def _reset(self) -> None:
        self.writer = Line(self)
        self.reader = self.writer if self.memory else Line(self)
        self.spare: list[Line] = []

    def forget(self) -> None:
        """After a fork: the parent's connections are the parent's, and must not even be closed here."""
        self._abandoned += (self.writer, self.reader, *self.spare)
        for line in self._abandoned:
            line.abandon()
        self._reset()

    def connect(self) -> sqlite3.Connection:
        """A new connection in autocommit mode that never waits for a lock by itself."""
        if not self.memory and not Path(self._place).parent.is_dir():
            raise ConfigError(
                f"SQLite expected the folder of {self.path!r} to exist; create it, or mend MOTIA_URL "
                "(three slashes for a relative path, four for an absolute one)"
            )
        native = sqlite3.connect(
            self._place, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            if native.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
                native.execute("PRAGMA journal_mode = WAL")
            native.execute(f"PRAGMA synchronous = {self._synchronous}")
            native.execute("PRAGMA temp_store = MEMORY")
        except BaseException:
            native.close()
            raise
        return native

    def attempt(self, work: Work[T], *, write: bool, deadline: float = 0.0) -> T:
        """Run ``work`` in a transaction on this thread, waiting for locks until ``deadline`` (monotonic).

        Raises:
            Busy: a lock was not to be had in time. Nothing has happened.
        """
        line = self.writer if write else self.reader
        try:
            connection = line.acquire(WRITE if write else "BEGIN", deadline)
            try:
                result = drive(work(connection))
                connection.native.execute("COMMIT")
            except BaseException:
                connection.undo()
                raise
            finally:
                line.lock.release()
        except sqlite3.Error as error:
            raise self.translate(error) from error
        return result

    def insist(self, work: Work[T], *, write: bool, within: float | None = None) -> T:
        """Like ``attempt``, waiting up to ``within`` seconds, ``busy_timeout`` unless given.

        Raises:
            QueueUnavailable: somebody else held the lock all that time.
        """
        try:
            return self.attempt(work, write=write, deadline=time.monotonic() + (within or self.busy_timeout))
        except Busy as busy:
            raise self.locked() from busy

    def identity(self) -> object:
        """Which file the path names now: SQLite goes on writing into one that was removed, and nobody reads it."""
        if self.memory:
            return None
        try:
            found = os.stat(self._place)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def gone(self) -> StorageError:
        return StorageError(
            f"the database {self.path!r} was removed or replaced while it was in use, so nothing was written; "
            "put it back, or restart the processes that use it"
        )

    def locked(self) -> QueueUnavailable:
        return QueueUnavailable(
            f"the database {self.path!r} stayed locked for {self.busy_timeout:g} s, so nothing was written; "
            "look for a long transaction in another process, or raise MOTIA_BUSY_TIMEOUT"
        )

    def translate(self, error: sqlite3.Error) -> Exception:
        """The error of ours that says what happened to the file; others are returned as they are."""
        code = _primary_code(error)
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return CorruptStore(
                f"expected a healthy SQLite database at {self.path!r}, got: {error}; move the file away and restore "
                "a backup, or recover it with `sqlite3 FILE .recover`"
            )
        if code == sqlite3.SQLITE_READONLY:
            return ReadOnlyStore(f"the database {self.path!r} cannot be written: {error}; check its permissions")
        if code == sqlite3.SQLITE_FULL:
            return ReadOnlyStore(f"the disk that holds {self.path!r} is full; nothing was written")
        if code == sqlite3.SQLITE_CANTOPEN:
            return StorageError(f"cannot open or create {self.path!r}: {error}; check the path and its permissions")
        if code == sqlite3.SQLITE_IOERR:
            return StorageError(f"reading or writing {self.path!r} failed: {error}")
        return error

    def lend(self) -> Line:
        """A line for a transaction held open by a caller; the memory database has only one."""
        if self.memory:
            return self.writer
        return self.spare.pop() if self.spare else Line(self)

    def take_back(self, line: Line) -> None:
        if line is self.writer:
            return
        if len(self.spare) < _IDLE_TRANSACTIONS:
            self.spare.append(line)
        else:
            line.close()

    @contextmanager
    def listen(self, notify: Callable[[], None]) -> Iterator[None]:
        """Our own bell, and the write-ahead log being written by other processes."""
        with self.bell.listen(notify), nullcontext() if self.memory else watch(self._place + "-wal", notify):
            yield

    def close(self) -> None:
        for line in {self.writer, self.reader, *self.spare}:
            line.close()
        self.spare.clear()


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _forget_after_fork() -> None:
    for file in _files:
        file.forget()


os.register_at_fork(after_in_child=_forget_after_fork)
