"""Connections to PostgreSQL: our statements on those of psycopg, and our own, whose every wait ends in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio

from motia.databases.base import NO_PARAMS, Params, Row
from motia.databases.postgres_dialect import CHANNEL, LOCK, NOTIFY, translate
from motia.errors import MissingDependency

try:
    import psycopg
    from psycopg import waiting
    from psycopg.pq import TransactionStatus
    from psycopg.rows import tuple_row
except ImportError as error:
    if error.name is None:  # it is installed, and says that it cannot load libpq
        raise MissingDependency(
            "psycopg finds no libpq on this machine: pip install 'psycopg[binary]', or install libpq (libpq5 on Debian)"
        ) from error
    raise MissingDependency("a postgresql:// URL needs psycopg 3: pip install 'motia[postgres]'") from error

ROLLBACK_TIMEOUT = 5.0
"""Seconds that undoing a cancelled caller's transaction may take."""


class PostgresConnection:
    """Runs our statements on an async psycopg connection, whatever kind of rows that makes for others."""

    __slots__ = ("native",)

    def __init__(self, native: Any) -> None:
        self.native = native

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        cursor = self.native.cursor(row_factory=tuple_row)
        await cursor.execute(translate(sql), params)
        rows: list[Row] = await cursor.fetchall()
        return rows

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        cursor = self.native.cursor(row_factory=tuple_row)
        await cursor.execute(translate(sql), params)
        return int(cursor.rowcount)

    async def lock(self, name: str) -> None:
        await self.rows(LOCK, {"name": f"motia {name}"})

    async def announce(self) -> None:
        await self.rows(NOTIFY, {"channel": CHANNEL})

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        async with self.native.cursor(row_factory=tuple_row) as cursor:
            await cursor.executemany(translate(sql), params)
            return int(cursor.rowcount)

    async def commit(self) -> None:
        await self.native.commit()

    async def rollback(self) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(ROLLBACK_TIMEOUT):
            await self.native.rollback()


class BlockingPostgresConnection(PostgresConnection):
    """Runs our statements on a blocking psycopg connection; never suspends."""

    __slots__ = ()

    def _cursor(self) -> Any:
        return self.native.cursor(row_factory=tuple_row)

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        cursor = self._cursor()
        cursor.execute(translate(sql), params)
        rows: list[Row] = cursor.fetchall()
        return rows

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        cursor = self._cursor()
        cursor.execute(translate(sql), params)
        return int(cursor.rowcount)

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        with self._cursor() as cursor:
            cursor.executemany(translate(sql), params)
            return int(cursor.rowcount)

    async def commit(self) -> None:
        self.native.commit()

    async def rollback(self) -> None:
        self.native.rollback()


class Psycopg2Connection(BlockingPostgresConnection):
    """The same on a connection of psycopg2, psycopg's elder."""

    __slots__ = ()

    def _cursor(self) -> Any:
        return self.native.cursor()

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        return [tuple(row.values() if isinstance(row, dict) else row) for row in await super().rows(sql, params)]


class OwnConnection:
    """What our own connections know, blocking and async.

    Attributes:
        patience: seconds that any wait may take.
        until: monotonic time at which whoever uses it gives up; None where only ``patience`` holds.
    """

    patience = 5.0
    until: float | None = None

    def bound(self, timeout: float | None) -> float:
        """Seconds for one wait."""
        if timeout is not None:
            return timeout
        return self.patience if self.until is None else max(0.001, self.until - time.monotonic())


class DeadlineConnection(OwnConnection, psycopg.Connection[Any]):
    """One that is closed when an answer does not come in time: what comes later belongs to nobody."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=self.bound(timeout))
        except (psycopg.OperationalError, KeyboardInterrupt) as error:
            if timeout is None and (is_timeout(error) or isinstance(error, KeyboardInterrupt)):
                self.pgconn.finish()
            raise


class AsyncDeadlineConnection(OwnConnection, psycopg.AsyncConnection[Any]):
    """The same on an event loop, where the wait may be cancelled too."""

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=self.bound(timeout))
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise
        except psycopg.OperationalError as error:
            if timeout is None and is_timeout(error):
                self.pgconn.finish()
            raise


@contextmanager
def closed_on_error(native: Any) -> Iterator[None]:
    """Do not leave open what nobody will get."""
    try:
        yield
    except BaseException:
        native.pgconn.finish()
        raise


def is_timeout(error: BaseException) -> bool:
    """Whether an answer did not come in time."""
    return isinstance(error, TimeoutError) or type(error).__name__ in {"_WaitTimeout", "ConnectionTimeout"}


class PostgresKind:
    """See ``motia.databases.pooling.Kind``."""

    def fileno(self, native: Any) -> int:
        return int(native.pgconn.socket)

    def usable(self, native: Any) -> bool:
        return not native.closed and native.pgconn.transaction_status == TransactionStatus.IDLE

    def discard(self, native: Any) -> None:
        native.pgconn.finish()
