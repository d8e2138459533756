"""Joining a transaction of the caller: on a connection of the database's driver, or in a session of SQLAlchemy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, cast

from motia.databases.base import Borrowed, Database, Transaction, held_open
from motia.errors import ConfigError


def adopt(database: Database, native: Any) -> Borrowed:
    """What the caller gave as ``connection`` or ``session``, to run our statements on.

    Raises:
        ConfigError: it is not a connection of this kind of database.
    """
    if _is_sqlalchemy(native):  # so the caller has imported it, and importing ours costs nothing new
        return cast("Borrowed", import_module("motia.databases.sqlalchemy").adopt(database, native))
    return database.adopt(native)


def the_one(connection: Any, session: Any) -> Any:
    """Whichever of the two was given.

    Raises:
        ConfigError: both were.
    """
    if connection is not None and session is not None:
        raise ConfigError("expected connection= or session=, got both; leave one out")
    return session if connection is None else connection


@asynccontextmanager
async def borrow(database: Database, native: Any) -> AsyncIterator[Transaction]:
    """Have our statements of this context join the caller's transaction, for the time of a block.

    It is committed after the block, and rolled back on an error.
    """
    connection = adopt(database, native)
    try:
        with held_open(database, connection) as transaction:
            yield transaction
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise
    database.announce()


def _is_sqlalchemy(native: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == "sqlalchemy" for kind in type(native).__mro__)
