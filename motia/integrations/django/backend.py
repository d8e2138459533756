"""``django://ALIAS``: queue, state, streams and traces in a database of the project."""

from __future__ import annotations

from motia.backends import Backend, Ports, Url
from motia.clock import Clock
from motia.errors import ConfigError
from motia.integrations.django.apart import Apart, Aside
from motia.integrations.django.database import CallersThread, Place, ThisThread
from motia.integrations.django.queue import DjangoQueue, DjangoStore, DjangoStreams, DjangoTraces
from motia.queues.base import Capabilities
from motia.queues.postgres import PostgresQueue
from motia.queues.sql import SqlQueue
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams
from motia.traces.sql import SqlTraces


def open_django(url: Url, clock: Clock, deadline: float) -> Backend:
    """``django://default``, or another alias of ``DATABASES``.

    Raises:
        ConfigError: there is no such alias, its vendor is none of ours, or the URL says more than that.
    """
    alias = url.path.strip("/")
    if not alias or url.options:
        raise ConfigError(f"expected django://ALIAS with an alias of DATABASES, got {url.text!r}")
    place = Place(alias, deadline)
    capabilities = Capabilities(remote=place.vendor != "sqlite")
    here, apart = ThisThread(place), Apart(place)
    there = CallersThread(here)
    blocking = DjangoQueue(here, clock, capabilities=capabilities, alias=alias)
    waiting = DjangoQueue(there, clock, capabilities=capabilities, alias=alias, here=blocking)
    kind = PostgresQueue if place.vendor == "postgresql" else SqlQueue
    queue = kind(apart, clock, capabilities=capabilities)
    return Backend(
        Ports(waiting, DjangoStore(there, clock), DjangoStreams(there, clock), there, DjangoTraces(there)),
        Ports(blocking, DjangoStore(here, clock), DjangoStreams(here, clock), here, DjangoTraces(here)),
        place,
        Ports(queue, SqlStore(apart, clock), SqlStreams(apart, clock), apart, SqlTraces(apart)),
        SqlTraces(Aside(place)),
    )
