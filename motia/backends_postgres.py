"""The PostgreSQL backend: queue, state, streams and traces in one database."""

from __future__ import annotations

from motia.backends import Backend, Ports, Url
from motia.clock import Clock
from motia.databases.postgres import AsyncPostgres, BlockingPostgres, PostgresServer
from motia.errors import ConfigError
from motia.queues.base import Capabilities
from motia.queues.postgres import PostgresQueue
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams
from motia.traces.sql import SqlTraces

CAPABILITIES = Capabilities(remote=True)


def open_postgres(url: Url, clock: Clock, deadline: float) -> Backend:
    """``postgresql://user:password@host:port/database``, with libpq's parameters and two of ours.

    ``?prepare=off`` leaves out prepared statements and settings of the session, for poolers in transaction mode;
    ``?notify=off`` leaves out NOTIFY and LISTEN, so that workers of other processes look by themselves.

    Raises:
        ConfigError: one of our parameters is neither ``on`` nor ``off``.
        MissingDependency: psycopg 3 is not installed.
    """
    prepare, notify = _is_on(url, "prepare"), _is_on(url, "notify")
    server = PostgresServer(_theirs(url), deadline=deadline, prepare=prepare, notify=notify)
    waiting, blocking = (
        Ports(
            PostgresQueue(driver, clock, capabilities=CAPABILITIES, patience=patience),
            SqlStore(driver, clock),
            SqlStreams(driver, clock),
            driver,
            SqlTraces(driver),
        )
        for driver, patience in ((AsyncPostgres(server), deadline), (BlockingPostgres(server), None))
    )
    return Backend(waiting, blocking, server)


def _is_on(url: Url, option: str) -> bool:
    value = url.options.get(option, "on")
    if value not in {"on", "off"}:
        raise ConfigError(f"a postgresql:// URL expected {option}=on or {option}=off, got {option}={value}")
    return value == "on"


def _theirs(url: Url) -> str:
    """The URL without the parameters that libpq does not know."""
    address, _, query = url.text.partition("?")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in {"prepare", "notify"}]
    return f"{address}?{'&'.join(kept)}" if kept else address
