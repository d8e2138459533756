"""The project's database for workers and operators: connections of our own, which no handler and no request shares."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

import anyio
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from motia.concurrency import Echo, ThreadPool, drive
from motia.databases.base import Borrowed, Transaction, Work
from motia.databases.postgres_dialect import CHANNEL, NOTIFY, SETTINGS
from motia.databases.watching import watch
from motia.errors import ConfigError, MotiaError
from motia.integrations.django.connections import DjangoConnection, Hopping
from motia.integrations.django.database import Place
from motia.integrations.django.trouble import Patience

T = TypeVar("T")
_SIZE = 4
_log = logging.getLogger("motia.queue")
_BEGIN = {"sqlite": "BEGIN IMMEDIATE"}


class Apart:
    """The driver: a few connections, made with the project's settings, used from threads of our own."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._threads = ThreadPool(_SIZE)
        self._idle: deque[BaseDatabaseWrapper] = deque()
        self._pid = os.getpid()
        self._closed = False
        self._echo = Echo(self._notify, 0.01)
        self.dialect = place.dialect

    @property
    def shared(self) -> object:
        return self._place

    def announce(self) -> None:
        self._place.bell.ring()
        if self.dialect == "postgres":
            self._echo.ask()

    def _notify(self) -> None:
        """Tell other processes: a hint, at most once in 10 ms."""
        if self._closed:
            return
        try:
            self._insist(lambda connection: connection.run(NOTIFY, {"channel": CHANNEL}), begin=False)
        except MotiaError as error:
            _log.debug("waiting workers could not be told, they will look by themselves: %s", error)
        if self._closed:  # meanwhile
            self._close_all()

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        self._closed = False
        return await self._threads.run(partial(self._insist, work, begin=not single, within=within))

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        return await self._threads.run(partial(self._insist, work, begin=False))

    def _insist(self, work: Work[T], *, begin: bool, within: float | None = None) -> T:
        patience = Patience(within or self._place.deadline)
        while True:
            try:
                with self._lent(begin=begin) as connection:
                    return drive(work(connection))
            except (DatabaseError, InterfaceError) as error:
                if not patience.more(error):
                    raise patience.told(error, self._place.alias) from error

    @contextmanager
    def _lent(self, *, begin: bool) -> Iterator[DjangoConnection]:
        """A connection, in a transaction if ``begin``; after an error it is closed, which undoes everything."""
        wrapper = self._take()
        try:
            if begin:
                _execute(wrapper, _BEGIN.get(wrapper.vendor, "BEGIN"))
            yield self._place.connection(wrapper)
            if begin:
                _execute(wrapper, "COMMIT")
        except BaseException:
            wrapper.close()
            raise
        self._idle.append(wrapper)

    def _take(self) -> BaseDatabaseWrapper:
        if self._pid != os.getpid():  # the parent's connections are the parent's
            self._idle, self._pid = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return own_connection(self._place)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        lent = self._lent(begin=True)
        connection = await self._threads.run(lent.__enter__)
        error: Any = (None, None, None)
        try:
            yield Transaction(self, Hopping(connection, self._threads.run))
        except BaseException:
            error = sys.exc_info()
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self._threads.run(lambda: lent.__exit__(*error))
        self.announce()

    def adopt(self, native: Any) -> Borrowed:
        if getattr(native, "alias", None) != self._place.alias:
            raise ConfigError(f"expected django.db.connections[{self._place.alias!r}], got {native!r}")
        return self._place.connection(native)

    @contextmanager
    def listen(self, notify: Callable[[], None]) -> Iterator[None]:
        with self._place.bell.listen(notify), _others(self._place, notify):
            yield

    async def close(self) -> None:
        self._closed = True
        if self._idle:
            await self._threads.run(self._close_all)

    def _close_all(self) -> None:
        while self._idle:
            self._idle.pop().close()


class Aside(Apart):
    """The same for a thread of our own: used on it, and never suspends."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._closing, self._threads = self._threads, _Here(1)

    async def close(self) -> None:
        self._closed = True
        await self._closing.run(self._close_all)


class _Here(ThreadPool):
    async def run(self, call: Callable[[], T], *, abandon: bool = False) -> T:
        return call()


def own_connection(place: Place) -> BaseDatabaseWrapper:
    """A new connection with the project's settings, in autocommit mode, for any thread."""
    settings = deepcopy(connections.settings[place.alias])
    settings["CONN_MAX_AGE"] = None
    prepare, wanted = _WISHES[place.vendor]
    settings["OPTIONS"] = wanted(settings["OPTIONS"], max(1, round(place.deadline)))
    wrapper: BaseDatabaseWrapper = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, place.alias)
    wrapper.inc_thread_sharing()
    for statement in prepare:
        _execute(wrapper, statement.format(seconds=max(1, round(place.deadline))))
    return wrapper


def _sqlite_options(options: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {**options, "timeout": seconds}


def _postgres_options(options: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {"connect_timeout": seconds, **{name: value for name, value in options.items() if name != "pool"}}


def _mysql_options(options: dict[str, Any], seconds: int) -> dict[str, Any]:
    timeouts = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), seconds)
    # Without the flag that Django sets, the server counts rows that were changed, which tells who was first.
    return {**timeouts, **options, "client_flag": 0, "isolation_level": "read committed"}


_Options = Callable[[dict[str, Any], int], dict[str, Any]]
_WISHES: dict[str, tuple[tuple[str, ...], _Options]] = {
    "sqlite": ((), _sqlite_options),
    "postgresql": ((SETTINGS, "SET statement_timeout = '{seconds}s'"), _postgres_options),
    "mysql": (("SET SESSION innodb_lock_wait_timeout = {seconds}",), _mysql_options),
}
"""What a new connection is told first, and the options it is made with: every call has a deadline."""


def _others(place: Place, notify: Callable[[], None]) -> AbstractContextManager[Any]:
    """Being told of what other processes have committed, where the vendor can."""
    if place.vendor == "postgresql" and find_spec("psycopg") is not None:
        return _told_by_postgres(place, notify)
    name = str(connections.settings[place.alias]["NAME"])
    if place.vendor != "sqlite" or not os.path.exists(name):
        return nullcontext()
    log = f"{name}-wal"
    return watch(log if os.path.exists(log) else name, notify)


def _told_by_postgres(place: Place, notify: Callable[[], None]) -> AbstractContextManager[Any]:
    psycopg = import_module("psycopg")
    params = connections[place.alias].get_connection_params()
    options = {name: value for name, value in params.items() if name not in _DJANGOS_OWN}
    told: AbstractContextManager[Any] = import_module("motia.databases.postgres_listening").told(
        notify, lambda: psycopg.AsyncConnection.connect(**options, autocommit=True)
    )
    return told


_DJANGOS_OWN = {"cursor_factory", "context", "prepare_threshold", "isolation_level", "server_side_binding"}


def _execute(wrapper: BaseDatabaseWrapper, statement: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute(statement)
