"""``django://ALIAS``: queue, state and streams in a database of the project."""

from __future__ import annotations

from motia.backends import Backend, Ports, Url
from motia.clock import Clock
from motia.errors import ConfigError
from motia.integrations.django.apart import Apart
from motia.integrations.django.database import CallersThread, Place, ThisThread
from motia.integrations.django.queue import DjangoQueue, DjangoStore, DjangoStreams
from motia.queues.base import Capabilities
from motia.queues.postgres import PostgresQueue
from motia.queues.sql import SqlQueue
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams


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
    return Backend(
        Ports(waiting, DjangoStore(there, clock), DjangoStreams(there, clock), there),
        Ports(blocking, DjangoStore(here, clock), DjangoStreams(here, clock), here),
        place,
        Ports(kind(apart, clock, capabilities=capabilities), SqlStore(apart, clock), SqlStreams(apart, clock), apart),
    )
