"""PostgreSQL through psycopg 3: the same statements, with the server's clock in them.

Every call has a deadline, waiting for a connection and opening one included; until then a broken one is replaced and
the call made again. Waiting workers are told by NOTIFY, at most once in 10 ms, which is only a hint: a pooler may
swallow it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import anyio

from motia.concurrency import Bell, Echo
from motia.databases.base import (
    VANISHED,
    Borrowed,
    Transaction,
    Work,
    enclosing,
    held_open,
    joined,
    savepoint,
)
from motia.databases.pooling import AsyncPool, BlockingPool, remaining
from motia.databases.postgres_connections import (
    AsyncDeadlineConnection,
    BlockingPostgresConnection,
    DeadlineConnection,
    PostgresConnection,
    PostgresKind,
    Psycopg2Connection,
    closed_on_error,
    is_timeout,
)
from motia.databases.postgres_dialect import CHANNEL, HINT, SETTINGS, translate
from motia.databases.postgres_listening import told
from motia.errors import ConfigError, QueueUnavailable

# isort: split
import psycopg  # after those of ours that say what brings it
from psycopg.conninfo import make_conninfo

T = TypeVar("T")
POOL_SIZE = 10
"""Connections that one event loop uses at once; blocking code has twice as many."""
_KIND = PostgresKind()
SESSION = (
    f"{SETTINGS}SET jit = off; SET plan_cache_mode = force_generic_plan; "
    f"SET idle_in_transaction_session_timeout = '{VANISHED}s'; "
    "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 4"
)
_PATIENTLY = "SET LOCAL idle_in_transaction_session_timeout = 0"
"""A handler may think for as long as it may run; that its machine is there is for the keep-alive to see."""
_BROKEN = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,  # to the driver it is an error of another kind
    OSError,
)
_CURABLE = ("08", "40", "53300", "57P")
"""Error codes, or their beginnings, of what may be cured by trying again: a lost or refused connection, a server that
starts or stops, a deadlock, too many connections."""
_log = logging.getLogger("motia.queue")
_spread = random.Random()  # noqa: S311  # only spreads the reconnects
_servers: weakref.WeakSet[PostgresServer] = weakref.WeakSet()


class PostgresServer:
    """One server, shared by both drivers.

    Args:
        url: a libpq connection URI.
        deadline: seconds that any call may take.
        prepare: whether statements are prepared and the session has settings of ours; a pooler in transaction mode
            wants neither.
        notify: whether waiting workers are told by NOTIFY.
    """

    def __init__(self, url: str, *, deadline: float, prepare: bool = True, notify: bool = True) -> None:
        self.deadline = deadline
        self.notified = notify
        self.bell = Bell()
        self.conninfo = make_conninfo(url, application_name="motia")
        self._settled = prepare
        self._options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 5 if prepare else None}
        self._echo = Echo(self._notify, 0.01)
        self._reset()
        _servers.add(self)

    def _reset(self) -> None:
        self._pools: weakref.WeakKeyDictionary[Any, AsyncPool] = weakref.WeakKeyDictionary()
        self.blocking = BlockingPool(_KIND, self._connect, 2 * POOL_SIZE)
        self._told: Any = None
        self._telling = threading.Lock()
        self._closed = False

    def forget(self) -> None:
        """After a fork: the parent's connections are the parent's, and must not even be closed here."""
        self._abandoned = self._pools, self.blocking, self._told
        self._reset()

    def announce(self) -> None:
        self.bell.ring()
        if self.notified:
            self._echo.ask()

    def _notify(self) -> None:
        """Tell other processes, over a connection of its own; a hint that may be lost."""
        with self._telling:
            if self._closed:
                return
            try:
                if self._told is None or self._told.closed:
                    self._told = self._connect(time.monotonic() + self.deadline)
                self._told.until = None
                self._told.execute(translate(HINT), {"channel": CHANNEL})
            except _BROKEN as error:
                _log.debug("waiting workers could not be told, they will look by themselves: %s", error)
                self._told = None

    def _connect(self, until: float) -> Any:
        native = DeadlineConnection.connect(self.conninfo, **self._options, **self._in_time(until))
        native.patience, native.until = self.deadline, until
        if self._settled:
            with closed_on_error(native):
                native.execute(SESSION)
        return native

    async def _connect_async(self, until: float) -> Any:
        with anyio.fail_after(remaining(until)):
            native = await AsyncDeadlineConnection.connect(self.conninfo, **self._options, **self._in_time(until))
        native.patience, native.until = self.deadline, until
        if self._settled:
            with closed_on_error(native):
                await native.execute(SESSION)
        return native

    def _in_time(self, until: float) -> dict[str, Any]:
        """libpq counts in whole seconds, and takes 2 for the least."""
        return {"connect_timeout": max(2, int(remaining(until)))}

    def pool(self) -> AsyncPool:
        """The connections of the running loop."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = AsyncPool(_KIND, self._connect_async, POOL_SIZE)
        return pool

    def suspect(self) -> None:
        """One connection did not answer: trust none of those that lie idle."""
        self.blocking.suspect()
        loop = asyncio._get_running_loop()
        if loop is not None and loop in self._pools:
            self._pools[loop].suspect()

    def unavailable(self, error: BaseException) -> QueueUnavailable:
        return QueueUnavailable(
            f"PostgreSQL did not answer within {self.deadline:g} s: {type(error).__name__}: {str(error).strip()}; "
            "nothing is known to be written"
        )

    def close(self) -> None:
        """Close what blocking code, the notifier and the running loop use."""
        self.blocking.close()
        with self._telling:
            self._closed = True
            if self._told is not None:
                self._told.close()
        loop = asyncio._get_running_loop()
        if loop is not None and (pool := self._pools.pop(loop, None)) is not None:
            pool.close()

    async def listening(self) -> Any:
        """A connection that may wait for ever to be told something."""
        connection = await self._connect_async(time.monotonic() + self.deadline)
        connection.until = None
        return connection


class BlockingPostgres:
    """The blocking driver: waits on the caller's own thread."""

    dialect = "postgres"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    @property
    def shared(self) -> object:
        return self._server

    def announce(self) -> None:
        self._server.announce()

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        connection = joined(self)
        if connection is not None:
            return await work(connection)
        return await self._insist(work, single, time.monotonic() + (within or self._server.deadline))

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        return await self.write(work, single=not long)

    async def _insist(self, work: Work[T], single: bool, until: float) -> T:
        """Run ``work``, again while that may help and there is time. Sending twice is safe: ids are kept."""
        failures = 0
        while True:
            try:
                return await self._transact(work, single, until)
            except _BROKEN as error:
                failures += 1
                if is_timeout(error):
                    self._server.suspect()
                pause = 0.0 if failures == 1 else _spread.uniform(0.02, 0.2)
                if not _is_curable(error) or remaining(until) <= pause:
                    raise self._server.unavailable(error) from error
                await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  # this driver blocks

    async def _transact(self, work: Work[T], single: bool, until: float) -> T:
        with self._server.blocking.lend(until) as native:
            native.until = until
            if single:
                return await work(BlockingPostgresConnection(native))
            with native.transaction():
                return await work(BlockingPostgresConnection(native))

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        outer = enclosing(self)
        return self._outer() if outer is None else savepoint(outer)

    @asynccontextmanager
    async def _outer(self) -> AsyncIterator[Transaction]:
        async with self._begun() as connection:
            with held_open(self, connection) as transaction:
                yield transaction
        self.announce()

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[PostgresConnection]:
        """A transaction held open by the caller, each of whose calls has a deadline of its own."""
        native = None
        try:
            with self._server.blocking.lend(time.monotonic() + self._server.deadline) as native:
                native.until = None
                with native.transaction():
                    native.execute(_PATIENTLY)
                    yield BlockingPostgresConnection(native)
        except _BROKEN as error:
            if native is None or native.closed:
                raise self._lost(error) from error
            raise  # what the caller did wrong stays as it is

    def _lost(self, error: BaseException) -> QueueUnavailable:
        self._server.suspect()
        return self._server.unavailable(error)

    def adopt(self, native: Any) -> Borrowed:
        if isinstance(native, psycopg.AsyncConnection):
            return PostgresConnection(native)
        if isinstance(native, psycopg.Connection):
            return BlockingPostgresConnection(native)
        if type(native).__module__.partition(".")[0] == "psycopg2":
            return Psycopg2Connection(native)
        raise ConfigError(
            f"expected a psycopg connection to the queue's database, or a SQLAlchemy session, got "
            f"{type(native).__name__}"
        )

    @contextmanager
    def listen(self, notify: Callable[[], None]) -> Iterator[None]:
        if not self._server.notified:
            with self._server.bell.listen(notify):
                yield
            return
        with self._server.bell.listen(notify), told(notify, self._server.listening):
            yield

    async def close(self) -> None:
        self._server.close()


class AsyncPostgres(BlockingPostgres):
    """The event loop's driver."""

    async def _pause(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def _transact(self, work: Work[T], single: bool, until: float) -> T:
        pool = self._server.pool()
        native = await pool.take(until)
        try:
            native.until = until
            if single:
                return await work(PostgresConnection(native))
            async with native.transaction():
                return await work(PostgresConnection(native))
        finally:
            pool.give(native)

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[PostgresConnection]:
        native = None
        try:
            async with self._server.pool().lend(time.monotonic() + self._server.deadline) as native:
                native.until = None
                async with native.transaction():
                    await native.execute(_PATIENTLY)
                    yield PostgresConnection(native)
        except _BROKEN as error:
            if native is None or native.closed:
                raise self._lost(error) from error
            raise  # what the caller did wrong stays as it is


def _is_curable(error: BaseException) -> bool:
    """Whether the same call may succeed now. Without a code it was no answer, so the connection was the trouble."""
    code: str | None = getattr(error, "sqlstate", None)
    return code is None or code.startswith(_CURABLE)


def _forget_after_fork() -> None:
    for server in _servers:
        server.forget()


os.register_at_fork(after_in_child=_forget_after_fork)
