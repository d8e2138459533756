"""Whether a database would take what is written to it, without leaving anything there."""

from __future__ import annotations

from motia.databases.base import Connection, Database
from motia.errors import QueueUnavailable, ReadOnlyStore

MOMENT = 0.01
"""Seconds that SQLite's only writer is waited for: where there is one, the file can be written."""


async def check(database: Database) -> None:
    """Ask a database whether it is there and can be written.

    A full disk is noticed with SQLite alone: a server tells of it with the first message that has no place.

    Raises:
        QueueUnavailable: it does not answer in time.
        StorageError: it is damaged, its disk is full, or it is a standby that only reads.
    """
    if database.dialect == "postgres":
        ((is_standby,),) = await database.read(lambda connection: connection.rows("SELECT pg_is_in_recovery()"))
        if is_standby:
            raise ReadOnlyStore("this PostgreSQL server is a standby, which takes no writes; connect to the primary")
        return
    await database.read(lambda connection: connection.rows(_LOOKS[database.dialect]))
    if database.dialect == "sqlite":
        try:
            await database.write(_write_nothing, within=MOMENT)
        except QueueUnavailable:
            return  # somebody writes


async def _write_nothing(connection: Connection) -> None:
    """Write a number of the file's head as it is; even so it takes a page of the log."""
    ((version,),) = await connection.rows(_LOOKS["sqlite"])
    await connection.run(f"PRAGMA user_version = {version}")


_LOOKS = {"sqlite": "PRAGMA user_version", "mysql": "SELECT 1"}
