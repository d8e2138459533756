"""The embedded backends: a SQLite file, and SQLite in memory for tests and trials."""

from __future__ import annotations

from motia.backends import Backend, Ports, Url
from motia.clock import Clock
from motia.databases.sqlite import AsyncSqlite, SyncSqlite
from motia.databases.sqlite_files import SqliteFile
from motia.errors import ConfigError, did_you_mean
from motia.queues.base import Capabilities
from motia.queues.sql import SqlQueue
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams
from motia.traces.sql import SqlTraces


def open_sqlite(url: Url, clock: Clock, busy_timeout: float) -> Backend:
    """``sqlite:///relative.db`` or ``sqlite:////absolute.db``, with ``?synchronous=FULL`` to survive power cuts.

    Raises:
        ConfigError: there is no path, or an option is unknown.
    """
    options = dict(url.options)
    synchronous = options.pop("synchronous", "NORMAL")
    if options:
        raise ConfigError(
            f"{url.text!r} has an unknown option {next(iter(options))!r}; "
            f"{did_you_mean(next(iter(options)), ['synchronous'])}"
        )
    if not url.path.startswith("/"):
        raise ConfigError(
            f"expected sqlite:///relative.db or sqlite:////absolute.db, got {url.text!r}: "
            "the path starts after three slashes"
        )
    path = url.path[1:]
    if not path:
        raise ConfigError(f"expected the path of a file in {url.text!r}; for a database in memory use 'memory:'")
    return _backend(SqliteFile(path, busy_timeout=busy_timeout, synchronous=synchronous), clock, durable=True)


def open_memory(url: Url, clock: Clock, busy_timeout: float) -> Backend:
    """``memory:``, which keeps nothing after the process: the same code and the same SQL as the file."""
    return _backend(SqliteFile(":memory:", busy_timeout=busy_timeout), clock, durable=False)


def _backend(file: SqliteFile, clock: Clock, *, durable: bool) -> Backend:
    waiting, blocking = (
        Ports(
            SqlQueue(driver, clock, capabilities=Capabilities(durable=durable)),
            SqlStore(driver, clock),
            SqlStreams(driver, clock),
            driver,
            SqlTraces(driver),
        )
        for driver in (AsyncSqlite(file), SyncSqlite(file))
    )
    return Backend(waiting, blocking, file)
