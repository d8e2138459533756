"""From a URL to the backends behind it. Each is loaded when its scheme is used, and says which extra it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from motia.clock import Clock
from motia.databases.base import Database
from motia.errors import ConfigError, did_you_mean
from motia.queues.base import Queue
from motia.redaction import register_url
from motia.stores.base import Store
from motia.streams.base import StreamStore
from motia.traces.base import TraceStore


@dataclass(frozen=True, slots=True)
class Url:
    """A backend's URL, taken apart.

    Attributes:
        text: as it was given, for drivers that want it whole.
        options: the query, last value of each name.
    """

    text: str
    scheme: str
    path: str
    options: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ports:
    """A queue, a store, streams and traces over one kind of driver.

    Attributes:
        database: whose transactions callers can join; None where there is none.
        traces: None where the backend keeps none.
    """

    queue: Queue
    store: Store
    streams: StreamStore
    database: Database | None
    traces: TraceStore | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """What a URL gives: the same data through two drivers.

    Attributes:
        waiting: for event loops.
        blocking: for plain threads; None where the client is async-only.
        identity: equal for two backends that can share a transaction.
        apart: for workers and operators, on event loops, where ``waiting`` rides the caller's transaction.
        aside: the same for threads of our own.
    """

    waiting: Ports
    blocking: Ports | None
    identity: object
    apart: Ports | None = None
    aside: TraceStore | None = None

    @property
    def recording(self) -> TraceStore | None:
        """Where a thread of ours writes traces; None where they are not kept, or the client is async-only."""
        return self.aside or (self.blocking.traces if self.blocking is not None else None)

    @property
    def working(self) -> Ports:
        """What workers use: never inside a transaction of somebody else."""
        return self.apart or self.waiting


Opener = Callable[[Url, Clock, float], Backend]

SCHEMES = {
    "memory": "motia.backends_embedded:open_memory",
    "sqlite": "motia.backends_embedded:open_sqlite",
    "postgresql": "motia.backends_postgres:open_postgres",
    "postgres": "motia.backends_postgres:open_postgres",
    "redis": "motia.backends_redis:open_redis",
    "rediss": "motia.backends_redis:open_redis",
    "mysql": "motia.backends_mysql:open_mysql",
    "mariadb": "motia.backends_mysql:open_mysql",
    "django": "motia.integrations.django.backend:open_django",
}


def open_backend(url: str, clock: Clock, busy_timeout: float) -> Backend:
    """The backend behind ``url``. Connects to nothing: that waits for the first statement.

    Args:
        busy_timeout: deadline of a call in seconds.

    Raises:
        ConfigError: the scheme is unknown; names the nearest known one.
        MissingDependency: the driver is not installed; names the extra.
    """
    parts = urlsplit(url)
    target = SCHEMES.get(parts.scheme)
    if target is None:
        raise ConfigError(
            f"expected a backend URL such as 'sqlite:///motia.db', got {url!r}; "
            f"{did_you_mean(parts.scheme, list(SCHEMES))}"
        )
    register_url(url)
    module, name = target.split(":")
    opener = cast("Opener", getattr(import_module(module), name))
    path = url.split("://", 1)[1].split("?", 1)[0] if "://" in url else ""
    return opener(Url(url, parts.scheme, path, dict(parse_qsl(parts.query))), clock, busy_timeout)
