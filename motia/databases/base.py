"""The contract between the SQL backends and the databases they run on.

Statements are written once per dialect with ``:name`` parameters and run through whichever connection is at hand:
our own, or the caller's. That is what makes transactional enqueue one code path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Params = Mapping[str, Any]
Row = tuple[Any, ...]
VANISHED = 60
"""Seconds after which a server drops a transaction of ours that says nothing, with its locks: its client may have lost
its line, or its machine, and a server left to itself waits for hours. Not for one that a handler holds open."""
MIGRATION_LOCK = "migrate"
NO_PARAMS: Params = {}  # sqlite3 takes nothing but real dicts


class Connection(Protocol):
    """A connection inside a transaction.

    The methods are ``async def`` everywhere; those over a blocking driver never suspend.
    """

    @property
    def native(self) -> Any:
        """The driver's own connection, for the writes of the caller."""
        ...

    async def rows(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        """Run a statement and return its rows."""
        ...

    async def run(self, sql: str, params: Params = NO_PARAMS) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    async def lock(self, name: str) -> None:
        """Hold a lock of this name until the transaction ends, where the database lets others write meanwhile."""
        ...

    async def announce(self) -> None:
        """Have waiting workers told once this transaction has committed, where the database can do that."""
        ...

    async def run_many(self, sql: str, params: Sequence[Params]) -> int:
        """Run a statement once for each set of parameters; how many rows were changed in all."""
        ...


class Borrowed(Connection, Protocol):
    """A connection of the caller, whose transaction we end only where the caller has asked for that."""

    async def commit(self) -> None:
        """Commit what the caller and we have written on it."""
        ...

    async def rollback(self) -> None:
        """Undo what the caller and we have written on it."""
        ...


Work = Callable[[Connection], Coroutine[Any, Any, T]]


@dataclass(slots=True)
class Transaction:
    """A transaction somebody holds open, which our statements join.

    Attributes:
        database: the database it is on; only work for this one joins.
        connection: runs statements inside it.
        active: False once it has ended; a task that outlives it must not join.
    """

    database: Database
    connection: Connection
    active: bool = True


class Database(Protocol):
    """One database, reached by an async or by a blocking driver.

    Both drivers of a database share everything but the way they wait. The work of a transaction may be run again
    from its start, so it must have no effect but its statements.
    """

    @property
    def shared(self) -> object:
        """Equal for all drivers of one database: whether two stores can share a transaction."""
        ...

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgres`` or ``mysql``."""
        ...

    def announce(self) -> None:
        """Tell waiting workers, here and in other processes, that something has been committed. Waits for nothing."""
        ...

    async def write(self, work: Work[T], *, single: bool = False, within: float | None = None) -> T:
        """Run ``work`` in one transaction, or inside the one that is open in this context.

        Args:
            single: it is one statement, which is a transaction of its own.
            within: seconds that it may take in all; default: the deadline that the database was opened with.

        Raises:
            QueueUnavailable: the database stayed locked or unreachable for the whole deadline.
            StorageError: a damaged file, a full or read-only disk.
        """
        ...

    async def read(self, work: Work[T], *, long: bool = False) -> T:
        """Run ``work``, which changes nothing, on a consistent view.

        Args:
            long: it may take more than a millisecond, so keep it off the event loop.
        """
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Hold a transaction open over the caller's own code; our statements in this context join it."""
        ...

    def adopt(self, native: Any) -> Borrowed:
        """The caller's own connection, to run our statements on; it must be to the same database.

        Callers go through ``motia.databases.joining``, which knows SQLAlchemy's sessions too.

        Raises:
            ConfigError: it is not a connection of this kind of database.
        """
        ...

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``notify`` called on the running loop when somebody, in any process, may have committed. A hint only."""
        ...

    async def close(self) -> None:
        """Give back the connections. The next use opens new ones."""
        ...


open_transaction: ContextVar[Transaction | None] = ContextVar("motia_open_transaction", default=None)


def joined(database: Database) -> Connection | None:
    """The connection of the transaction open in this context, when it is on the same database."""
    current = open_transaction.get()
    if current is not None and current.active and current.database.shared is database.shared:
        return current.connection
    return None


@contextmanager
def held_open(database: Database, connection: Connection) -> Iterator[Transaction]:
    """Have our statements of this context join the transaction on ``connection``, for the time of a block."""
    transaction = Transaction(database, connection)
    token = open_transaction.set(transaction)
    try:
        yield transaction
    finally:
        transaction.active = False
        open_transaction.reset(token)


@asynccontextmanager
async def savepoint(transaction: Transaction) -> AsyncIterator[Transaction]:
    """A transaction inside one: rolled back alone."""
    connection = transaction.connection
    await connection.run("SAVEPOINT motia_inner")
    try:
        yield transaction
    except BaseException:
        await connection.run("ROLLBACK TO SAVEPOINT motia_inner")
        raise
    finally:
        await connection.run("RELEASE SAVEPOINT motia_inner")


def enclosing(database: Database) -> Transaction | None:
    """The transaction open in this context, when it is on the same database."""
    current = open_transaction.get()
    return current if current is not None and joined(database) is not None else None
