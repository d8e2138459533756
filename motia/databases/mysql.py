"""MariaDB and MySQL through PyMySQL.

The library blocks, so on an event loop the work of a transaction runs on a thread of ours, whole. Every wait on the
server has a deadline; a connection whose call failed or timed out is closed, never used again. The server has no way
to tell waiting workers of other processes: they look by themselves.
"""

from __future__ import annotations

import logging
import os
import random
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio

from motia.concurrency import Bell, ThreadPool, drive
from motia.databases.base import (
    VANISHED,
    Borrowed,
    Connection,
    Transaction,
    Work,
    enclosing,
    held_open,
    joined,
    savepoint,
)
from motia.databases.mysql_connections import LentMysqlConnection, MysqlConnection, MysqlKind, ThreadedMysqlConnection
from motia.databases.pooling import BlockingPool, remaining
from motia.errors import ConfigError, QueueUnavailable

# isort: split
import pymysql  # after those of ours that say what brings it
from pymysql.constants import CLIENT, ER

_log = logging.getLogger("motia.queue")
T = TypeVar("T")
POOL_SIZE = 20
_PATIENCE = 86400
"""Seconds that the server waits for a handler's next statement in a transaction."""
_CURABLE = {ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, ER.CON_COUNT_ERROR, ER.SERVER_SHUTDOWN, 2003, 2006, 2013, 2055}
"""Deadlocks, too many connections, a server that stops, and the client's own codes of a lost or refused connection."""
_BROKEN = (pymysql.OperationalError, pymysql.InterfaceError, OSError)
_spread = random.Random()  # noqa: S311  # only spreads the next tries
_servers: weakref.WeakSet[MysqlServer] = weakref.WeakSet()


class MysqlServer:
    """One database on one server, shared by both drivers.

    Args:
        options: of ``pymysql.connect``.
        deadline: seconds that any call may take.
    """

    def __init__(self, options: dict[str, Any], *, deadline: float) -> None:
        self.deadline = deadline
        self.bell = Bell()
        self._options = options
        self._reset()
        _servers.add(self)

    def _reset(self) -> None:
        self.pool = BlockingPool(MysqlKind(), self._connect, POOL_SIZE)

    def forget(self) -> None:
        """After a fork: the parent's connections are the parent's, and must not even be closed here."""
        self._abandoned = self.pool
        self._reset()

    def _connect(self, until: float) -> Any:
        timeout = max(0.1, remaining(until))
        native = pymysql.connect(
            **self._options,
            autocommit=True,
            charset="utf8mb4",
            client_flag=CLIENT.MULTI_STATEMENTS,
            connect_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
        )
        with native.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute(
                "SET SESSION innodb_lock_wait_timeout = %s, wait_timeout = %s",
                (max(1, round(self.deadline)), VANISHED),
            )
        return native

    @contextmanager
    def transaction(self, until: float, *, begin: bool = True, held: bool = False) -> Iterator[MysqlConnection]:
        """A transaction on a connection of the pool; after an error the connection is closed.

        Args:
            begin: False where each statement may be a transaction of its own.
            held: by a handler, who may think in between for as long as it may run.
        """
        with self.pool.lend(until) as native:
            connection = MysqlConnection(native, until)
            try:
                if held:
                    connection.let_idle(_PATIENCE)
                if begin:
                    connection.begin()
                yield connection
                if held:
                    connection.let_idle(VANISHED)
                if begin:
                    connection.finish()
            except BaseException:
                native._force_close()  # rolls back, and gives every lock back
                raise

    def unavailable(self, error: BaseException) -> QueueUnavailable:
        return QueueUnavailable(
            f"MySQL did not answer within {self.deadline:g} s: {type(error).__name__}: {error}; "
            "nothing is known to be written"
        )


class BlockingMysql:
    """The blocking driver: waits on the caller's own thread."""

    dialect = "mysql"

    def __init__(self, server: MysqlServer) -> None:
        self._server = server

    @property
    def shared(self) -> object:
        return self._server

    def announce(self) -> None:
        self._server.bell.ring()

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        connection = joined(self)
        if connection is not None:
            return await work(connection)
        return await self._transact(work, not single, time.monotonic() + (within or self._server.deadline))

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        return await self.write(work, single=True)

    async def _transact(self, work: Work[T], begin: bool, until: float) -> T:
        return self._insist(work, begin, until)

    def _insist(self, work: Work[T], begin: bool, until: float) -> T:
        """Run ``work``, again while that may help and there is time. Sending twice is safe: ids are kept."""
        failures = 0
        while True:
            try:
                with self._server.transaction(until, begin=begin) as connection:
                    return drive(work(connection))
            except _BROKEN as error:
                failures += 1
                if _is_timeout(error):
                    self._server.pool.suspect()
                pause = 0.0 if failures == 1 else _spread.uniform(0.02, 0.2)
                if not _is_curable(error) or remaining(until) <= pause:
                    raise self._server.unavailable(error) from error
                _log.log(logging.WARNING if failures == 2 else logging.DEBUG, "trying again on MySQL after: %s", error)
                time.sleep(pause)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if (outer := enclosing(self)) is not None:
            async with savepoint(outer):
                yield outer
            return
        lent = self._server.transaction(time.monotonic() + self._server.deadline, held=True)
        connection = await self._begin(lent)
        native = connection.native
        try:
            connection.until = None  # from here on each call has a deadline of its own
            native._read_timeout = native._write_timeout = self._server.deadline
            with held_open(self, self._connection(connection)) as transaction:
                yield transaction
        except BaseException as error:
            gone = isinstance(error, _BROKEN) and not native.open
            await self._end(lent, error)
            if gone:
                raise self._server.unavailable(error) from error
            raise
        await self._end(lent, None)
        self.announce()

    def adopt(self, native: Any) -> Borrowed:
        if type(native).__module__.partition(".")[0] not in {"pymysql", "MySQLdb", "mysql"}:
            raise ConfigError(
                "expected a connection of PyMySQL, mysqlclient or MySQL Connector to the queue's database, or a "
                f"SQLAlchemy session, got {type(native).__name__}"
            )
        return LentMysqlConnection(native)

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        return self._server.bell.listen(notify)

    async def close(self) -> None:
        self._server.pool.close()

    def _connection(self, connection: MysqlConnection) -> Connection:
        return connection

    async def _begin(self, lent: AbstractContextManager[MysqlConnection]) -> MysqlConnection:
        return self._entered(lent)

    async def _end(self, lent: AbstractContextManager[MysqlConnection], error: BaseException | None) -> None:
        self._left(lent, error)

    def _entered(self, lent: AbstractContextManager[MysqlConnection]) -> MysqlConnection:
        try:
            return lent.__enter__()
        except _BROKEN as error:
            self._server.pool.suspect()
            raise self._server.unavailable(error) from error

    def _left(self, lent: AbstractContextManager[MysqlConnection], error: BaseException | None) -> None:
        try:
            lent.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        except _BROKEN as broken:
            if broken is not error:
                raise self._server.unavailable(broken) from broken


class ThreadedMysql(BlockingMysql):
    """The event loop's driver: the same on threads."""

    def __init__(self, server: MysqlServer) -> None:
        super().__init__(server)
        self._threads = ThreadPool(POOL_SIZE)

    async def _transact(self, work: Work[T], begin: bool, until: float) -> T:
        try:
            with anyio.fail_after(remaining(until)):  # for a thread: what runs on one ends by itself
                return await self._threads.run(partial(self._insist, work, begin, until))
        except TimeoutError as error:
            raise self._server.unavailable(error) from error

    def _connection(self, connection: MysqlConnection) -> Connection:
        return ThreadedMysqlConnection(connection, self._threads)

    async def _begin(self, lent: AbstractContextManager[MysqlConnection]) -> MysqlConnection:
        return await self._threads.run(partial(self._entered, lent))

    async def _end(self, lent: AbstractContextManager[MysqlConnection], error: BaseException | None) -> None:
        with anyio.CancelScope(shield=True):
            await self._threads.run(partial(self._left, lent, error))


def _is_timeout(error: BaseException) -> bool:
    """Whether an answer did not come in time; PyMySQL reports that as a lost connection."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _is_curable(error: BaseException) -> bool:
    """Whether the same call may succeed now: a deadlock, or a connection that was lost or refused."""
    code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
    return code is None or code in _CURABLE or not isinstance(code, int)


def _forget_after_fork() -> None:
    for server in _servers:
        server.forget()


os.register_at_fork(after_in_child=_forget_after_fork)
