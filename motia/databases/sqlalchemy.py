"""SQLAlchemy's sessions and connections: our statements in their transaction, whatever driver is below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import anyio
from sqlalchemy import TextClause, event, text
from sqlalchemy.engine import Connection as Engaged
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from motia.concurrency import in_event_loop
from motia.databases.base import NO_PARAMS, Borrowed, Database, Params, Row
from motia.databases.mysql_dialect import LOCK, run_program, slot_of
from motia.databases.postgres_dialect import spoken
from motia.errors import ConfigError, SyncUnsupported

ROLLBACK_TIMEOUT = 5.0
"""Seconds that undoing a cancelled caller's transaction may take."""
_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
_SENT = "motia_sent"


def adopt(database: Database, native: Any) -> Borrowed:
    """A ``Session``, ``AsyncSession``, ``Connection`` or ``AsyncConnection``, or what stands for one of them."""
    if isinstance(native, (scoped_session, async_scoped_session)):
        native = native()
    if isinstance(native, (AsyncSession, AsyncConnection)):
        if not in_event_loop():
            raise SyncUnsupported(
                f"expected a Session or Connection in blocking code, got {type(native).__name__}, which needs an event "
                "loop; send from an `async def` handler or function"
            )
        return AsyncSessionConnection(native, database)
    if isinstance(native, (Session, Engaged)):
        return SessionConnection(native, database)
    raise ConfigError(
        f"expected a SQLAlchemy Session, AsyncSession, Connection or AsyncConnection, got {type(native).__name__}"
    )


class SessionConnection:
    """Runs our statements in a session, or on a connection; never suspends.

    Attributes:
        native: what the caller gave.
    """

    def __init__(self, native: Any, database: Database) -> None:
        self.native = native
        self._database = database
        self._checked = False

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        return (await self._perform(sql, params))[1]

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        return (await self._perform(sql, params))[0]

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        return sum([await self.run(sql, item) for item in params])

    async def lock(self, name: str) -> None:
        if self._database.dialect == "postgres":
            await self.rows("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7))", {"name": f"motia {name}"})
        elif self._database.dialect == "mysql":
            await self.run(LOCK, {"slot": slot_of(name)})

    async def announce(self) -> None:
        """Told by the session once it has committed; of a bare connection workers learn by themselves."""
        session = getattr(self.native, "sync_session", self.native)
        if not isinstance(session, Session):
            return
        if _SENT not in session.info:
            event.listen(session, "after_commit", _tell)
        session.info[_SENT] = self._database.announce

    async def commit(self) -> None:
        self.native.commit()

    async def rollback(self) -> None:
        self.native.rollback()

    async def _perform(self, sql: str, params: Params) -> tuple[int, list[Row]]:
        if self._database.dialect == "mysql":
            return await run_program(self._driven, sql, params)
        return await self._execute(_prepared(sql, self._database.dialect), params)

    async def _driven(self, statement: str, values: Mapping[str, Any]) -> tuple[int, list[Row]]:
        return _outcome((await self._connection()).exec_driver_sql(statement, dict(values)))

    async def _execute(self, statement: TextClause, params: Params) -> tuple[int, list[Row]]:
        return _outcome((await self._connection()).execute(statement, _bound(statement, params)))

    async def _connection(self) -> Any:
        return self._same(self.native.connection() if isinstance(self.native, Session) else self.native)

    def _same(self, connection: Any) -> Any:
        found = connection.dialect.name
        if _DIALECTS.get(found) != self._database.dialect:
            raise ConfigError(
                f"expected a session on the queue's database ({self._database.dialect}), got one on {found}; give the "
                "URL of the session's database as the setting `outbox` (MOTIA_OUTBOX)"
            )
        return connection


class AsyncSessionConnection(SessionConnection):
    """The same for ``AsyncSession`` and ``AsyncConnection``."""

    async def commit(self) -> None:
        await self.native.commit()

    async def rollback(self) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(ROLLBACK_TIMEOUT):
            await self.native.rollback()

    async def _driven(self, statement: str, values: Mapping[str, Any]) -> tuple[int, list[Row]]:
        return _outcome(await (await self._connection()).exec_driver_sql(statement, dict(values)))

    async def _execute(self, statement: TextClause, params: Params) -> tuple[int, list[Row]]:
        return _outcome(await (await self._connection()).execute(statement, _bound(statement, params)))

    async def _connection(self) -> Any:
        is_session = isinstance(self.native, AsyncSession)
        return self._same(await self.native.connection() if is_session else self.native)


def _tell(session: Session) -> None:
    """Have waiting workers told: what was sent in this session is there now."""
    tell: Callable[[], None] | None = session.info.get(_SENT)
    if tell is not None and not session.in_nested_transaction():
        session.info[_SENT] = None
        tell()


@lru_cache(maxsize=256)
def _prepared(sql: str, dialect: str) -> TextClause:
    return text(spoken(sql) if dialect == "postgres" else sql)


def _bound(statement: TextClause, params: Params) -> dict[str, Any]:
    """Those parameters that the statement names: some drivers refuse others."""
    return {name: params[name] for name in statement._bindparams}


def _outcome(result: Any) -> tuple[int, list[Row]]:
    rows = [tuple(row) for row in result.fetchall()] if result.returns_rows else []
    return result.rowcount, rows
