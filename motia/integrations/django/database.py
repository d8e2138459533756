"""The project's database as a ``motia.databases.base.Database``: on the caller's own connection.

Statements run on the connection of the calling thread, so they are part of whatever transaction it is in.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import anyio
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from motia.concurrency import Bell, drive
from motia.databases.base import Borrowed, Transaction, Work
from motia.errors import ConfigError, did_you_mean
from motia.integrations.django.connections import DIALECTS, KINDS, DjangoConnection, Hopping
from motia.integrations.django.trouble import Patience

T = TypeVar("T")


class Place:
    """One database of the project, shared by all drivers.

    Args:
        alias: in ``DATABASES``.
        deadline: seconds that a call outside of the caller's transactions may try.

    Raises:
        ConfigError: there is no such alias, or its vendor is none of ours.
    """

    def __init__(self, alias: str, deadline: float) -> None:
        if alias not in connections.settings:
            raise ConfigError(f"no database {alias!r} in DATABASES; {did_you_mean(alias, list(connections.settings))}")
        vendor = connections[alias].vendor
        if vendor not in KINDS:
            raise ConfigError(f"django://{alias} expected SQLite, PostgreSQL, MySQL or MariaDB, got {vendor}")
        self.alias = alias
        self.vendor = vendor
        self.deadline = deadline
        self.bell = Bell()
        self.dialect = DIALECTS[vendor]

    def connection(self, wrapper: BaseDatabaseWrapper | None = None) -> DjangoConnection:
        return KINDS[self.vendor](self.alias, self.bell.ring, wrapper)


class ThisThread:
    """The blocking driver: the calling thread's connection, in its transaction if there is one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._connection = place.connection()
        self.dialect = place.dialect

    @property
    def shared(self) -> object:
        return self._place

    def announce(self) -> None:
        """Every write has seen to it, with its transaction."""

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        patience = Patience(within or self._place.deadline)
        while True:
            wrapper = connections[self._place.alias]
            alone = not wrapper.in_atomic_block and wrapper.get_autocommit()
            try:
                return await self._once(wrapper, work, single, alone)
            except (DatabaseError, InterfaceError) as error:
                if alone and patience.more(error):
                    wrapper.close_if_unusable_or_obsolete()
                    continue
                raise patience.told(error, self._place.alias) from error

    async def _once(self, wrapper: BaseDatabaseWrapper, work: Work[T], single: bool, alone: bool) -> T:
        if single:
            result = await work(self._connection)
            await self._connection.announce()
            return result
        with _immediate(wrapper) if alone else transaction.atomic(using=self._place.alias):
            result = await work(self._connection)
            await self._connection.announce()
        return result

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        patience = Patience(self._place.deadline)
        while True:
            wrapper = connections[self._place.alias]
            try:
                return await work(self._connection)
            except (DatabaseError, InterfaceError) as error:
                if wrapper.in_atomic_block or not patience.more(error):
                    raise patience.told(error, self._place.alias) from error
                wrapper.close_if_unusable_or_obsolete()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        with transaction.atomic(using=self._place.alias):
            yield Transaction(self, self._connection)
            await self._connection.announce()

    def adopt(self, native: Any) -> Borrowed:
        if getattr(native, "alias", None) != self._place.alias:
            raise ConfigError(
                f"expected django.db.connections[{self._place.alias!r}], got {native!r}; leave it out: what is sent "
                "joins the transaction of the calling thread by itself"
            )
        return self._place.connection(native)

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        return self._place.bell.listen(notify)

    async def close(self) -> None:
        """The connections are Django's."""


class CallersThread:
    """The event loop's driver: the thread that Django keeps for this request's or delivery's blocking code."""

    def __init__(self, blocking: ThisThread) -> None:
        self._blocking = blocking
        self.dialect = blocking.dialect
        self.shared = blocking.shared
        self.announce = blocking.announce
        self.listen = blocking.listen
        self.close = blocking.close

    def adopt(self, native: Any) -> Borrowed:
        raise ConfigError("on an event loop expected no connection=: what is sent joins the transaction by itself")

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        return await _on_thread(lambda: drive(self._blocking.write(work, single=single, within=within)))

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        return await _on_thread(lambda: drive(self._blocking.read(work)))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        block = self._blocking.transaction()
        inner = await _on_thread(lambda: drive(block.__aenter__()))
        error: Any = (None, None, None)
        try:
            yield Transaction(self, Hopping(inner.connection, _on_thread))
        except BaseException:
            error = sys.exc_info()
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await _on_thread(lambda: drive(block.__aexit__(*error)))


async def _on_thread(call: Callable[[], T]) -> T:
    return await sync_to_async(call, thread_sensitive=True)()


@contextmanager
def _immediate(wrapper: Any) -> Iterator[None]:
    """A transaction of our own. On SQLite it takes the write lock first: one that reads first could not wait for it."""
    block = transaction.atomic(using=wrapper.alias)
    mode = getattr(wrapper, "transaction_mode", None)
    if wrapper.vendor == "sqlite":
        wrapper.transaction_mode = "IMMEDIATE"
    try:
        block.__enter__()
    finally:
        if wrapper.vendor == "sqlite":
            wrapper.transaction_mode = mode
    try:
        yield
    except BaseException:
        block.__exit__(*sys.exc_info())
        raise
    block.__exit__(None, None, None)
