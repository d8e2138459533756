"""Connections to MariaDB and MySQL: our statements on those of PyMySQL and its kin, blocking and on threads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from motia.concurrency import ThreadPool, drive
from motia.databases.base import MIGRATION_LOCK, NO_PARAMS, Params, Row
from motia.databases.mysql_dialect import LOCK, compile_statement, listed, run_program, slot_of
from motia.databases.pooling import remaining
from motia.errors import MissingDependency

try:
    import pymysql
    from pymysql.constants import CLIENT, ER, SERVER_STATUS
except ImportError as error:
    raise MissingDependency("a mysql:// URL needs PyMySQL: pip install 'motia[mysql]'") from error

LOCK_WAIT = 20.0
"""Seconds that one question for the lock of migrations waits; a connection that is cut meanwhile is found by then."""
_THERE_ALREADY = {ER.DUP_FIELDNAME, 1061}
"""A column, and an index, of that name."""


class MysqlConnection:
    """Runs our statements on a PyMySQL connection, or one of the same DB-API dialect; never suspends."""

    __slots__ = ("locked", "native", "until")

    def __init__(self, native: Any, until: float | None = None) -> None:
        self.native = native
        self.until = until
        self.locked = False

    def begin(self) -> None:
        self._hurry()
        self.native.begin()

    def finish(self) -> None:
        """Commit, and give back the lock that does not end with the transaction."""
        self._hurry()
        self.native.commit()
        if self.locked:
            with self.native.cursor() as cursor:
                cursor.execute("DO RELEASE_ALL_LOCKS()")

    def let_idle(self, seconds: int) -> None:
        """How long the server waits for the next statement before it takes this client for gone."""
        with self.native.cursor() as cursor:
            cursor.execute("SET SESSION wait_timeout = %s", (seconds,))

    def _hurry(self) -> None:
        """Wait for the next answer no longer than whoever uses this does."""
        if self.until is not None:
            self.native._read_timeout = self.native._write_timeout = max(0.001, remaining(self.until))

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        return (await run_program(self._execute, sql, params))[1]

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        return (await run_program(self._execute, sql, params))[0]

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        program = compile_statement(sql)
        if program.choose is not None or not getattr(self.native, "client_flag", 0) & CLIENT.MULTI_STATEMENTS:
            return sum([await self.run(sql, item) for item in params])
        total = 0
        with self.native.cursor() as cursor:
            for start in range(0, len(params), 200):
                self._hurry()
                texts = [cursor.mogrify(program.act, listed(item)) for item in params[start : start + 200]]
                total += cursor.execute(";".join(texts))
                while cursor.nextset():
                    total += cursor.rowcount
        return total

    async def lock(self, name: str) -> None:
        """The server's own locks do not end with a transaction, so there are rows to lock; only the first needs one."""
        if name != MIGRATION_LOCK:
            await self.run(LOCK, {"slot": slot_of(name)})
            return
        self.locked = True
        self._hurry()
        patience = LOCK_WAIT if self.until is None else max(0.0, min(LOCK_WAIT, remaining(self.until) - 1))
        with self.native.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(CONCAT('motia', MD5(DATABASE())), %s)", (patience,))
            if cursor.fetchone()[0] != 1:  # curable: whoever has time left asks again
                raise pymysql.OperationalError(
                    ER.LOCK_WAIT_TIMEOUT, f"expected to migrate within {patience:.0f} s; another process migrates still"
                )

    async def announce(self) -> None:
        """Other processes look by themselves."""

    async def _execute(self, statement: str, values: Params) -> tuple[int, list[Row]]:
        self._hurry()
        with self._cursor() as cursor:
            try:
                count = int(cursor.execute(statement, values))
            except pymysql.OperationalError as error:
                if error.args[0] in _THERE_ALREADY:  # made by a migration that died before it was recorded
                    return 0, []
                raise
            return count, list(cursor.fetchall()) if cursor.description else []

    def _cursor(self) -> Any:
        return self.native.cursor()


class LentMysqlConnection(MysqlConnection):
    """The same on a connection of the caller, who may want rows of another kind or use another driver."""

    __slots__ = ()

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        return sum([await self.run(sql, item) for item in params])

    async def _execute(self, statement: str, values: Params) -> tuple[int, list[Row]]:
        with closing(self._cursor()) as cursor:
            cursor.execute(statement, values)
            rows = cursor.fetchall() if cursor.description else []
            return cursor.rowcount, [tuple(row.values() if isinstance(row, dict) else row) for row in rows]

    async def commit(self) -> None:
        self.native.commit()

    async def rollback(self) -> None:
        self.native.rollback()


class ThreadedMysqlConnection(MysqlConnection):
    """The same on an event loop: each statement on a thread, so that the loop goes on."""

    __slots__ = ("_blocking", "_threads")

    def __init__(self, blocking: MysqlConnection, threads: ThreadPool) -> None:
        super().__init__(blocking.native)
        self._blocking = blocking
        self._threads = threads

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        return await self._threads.run(lambda: drive(self._blocking.rows(sql, params)))

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        return await self._threads.run(lambda: drive(self._blocking.run(sql, params)))

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        return await self._threads.run(lambda: drive(self._blocking.run_many(sql, params)))

    async def lock(self, name: str) -> None:
        await self._threads.run(lambda: drive(self._blocking.lock(name)))


class MysqlKind:
    """See ``motia.databases.pooling.Kind``."""

    def fileno(self, native: Any) -> int:
        return int(native._sock.fileno())

    def usable(self, native: Any) -> bool:
        return bool(native.open) and not native.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS

    def discard(self, native: Any) -> None:
        native._force_close()
