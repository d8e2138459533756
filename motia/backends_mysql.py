"""The MariaDB and MySQL backend: queue, state, streams and traces in one database."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from motia.backends import Backend, Ports, Url
from motia.clock import Clock
from motia.databases.mysql import BlockingMysql, MysqlServer, ThreadedMysql
from motia.errors import ConfigError, did_you_mean
from motia.queues.base import Capabilities
from motia.queues.mysql import MysqlQueue
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams
from motia.traces.sql import SqlTraces

CAPABILITIES = Capabilities(remote=True)
_OPTIONS = {"unix_socket": "unix_socket", "ssl_ca": "ssl_ca", "ssl_cert": "ssl_cert", "ssl_key": "ssl_key"}


def open_mysql(url: Url, clock: Clock, deadline: float) -> Backend:
    """``mysql://user:password@host:port/database``, with ``?unix_socket=`` or ``?ssl_ca=`` (``ssl_cert``, ``ssl_key``).

    Raises:
        ConfigError: there is no database, or an option is unknown.
        MissingDependency: PyMySQL is not installed.
    """
    server = MysqlServer(_connect_options(url), deadline=deadline)
    waiting, blocking = (
        Ports(
            MysqlQueue(driver, clock, capabilities=CAPABILITIES, patience=patience),
            SqlStore(driver, clock),
            SqlStreams(driver, clock),
            driver,
            SqlTraces(driver),
        )
        for driver, patience in ((ThreadedMysql(server), deadline), (BlockingMysql(server), None))
    )
    return Backend(waiting, blocking, server)


def _connect_options(url: Url) -> dict[str, Any]:
    for option in url.options:
        if option not in _OPTIONS:
            raise ConfigError(
                f"a mysql:// URL has an unknown option {option!r}; {did_you_mean(option, list(_OPTIONS))}"
            )
    parts = urlsplit(url.text)
    database = unquote(parts.path.removeprefix("/"))
    if not database:
        raise ConfigError("expected mysql://user:password@host:port/database, got a URL without a database")
    return {
        "host": parts.hostname or "localhost",
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": database,
        **url.options,
    }
