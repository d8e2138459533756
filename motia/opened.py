"""The parts of an open app: made together, opened in order, and closed in the reverse of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from motia.ambient import App
from motia.backends import Backend
from motia.clock import Clock
from motia.concurrency import Portal, ThreadPool, drive
from motia.config import MotiaSettings
from motia.dispatcher import Dispatcher
from motia.errors import MotiaError, StorageError
from motia.health import Check, Health
from motia.queues.base import Queue
from motia.queues.outbox import Outbox
from motia.registry import Registry
from motia.services import make_services
from motia.stores.base import Store
from motia.streams.base import StreamStore
from motia.streams.stays import REST
from motia.streams.tail import Tails
from motia.traces.base import TraceStore
from motia.traces.tidying import tidy
from motia.tracing import Recorder

Part = Queue | Store | StreamStore | TraceStore | Outbox
_log = logging.getLogger("motia")


@dataclass(frozen=True)
class Means:
    """What the parts of an app are made of.

    Attributes:
        urls: of the backends of queue, state and streams.
        open_backend: from a URL to the backend behind it.
        outbox: in another database than the queue's, where one is set.
        threads: where ``def`` handlers run.
        authenticate: asked for every client that wants to follow streams.
    """

    registry: Registry
    settings: MotiaSettings
    clock: Clock
    urls: tuple[str, str, str]
    open_backend: Callable[[str], Backend]
    outbox: Outbox | None
    threads: ThreadPool
    authenticate: Callable[[Any], Any] | None


class OpenParts:
    """The parts of an open app.

    Args:
        app: whose they are.
        means: what they are made of.

    Attributes:
        backend: of the queue.
        outbox: in another database than the queue's, where one is set.
        departures: tell of clients that are to be disconnected.
        health: whether the backends can be used at the moment.
        recorder: of runs; None where nothing is recorded.
        services: for async handlers, and for blocking ones.
        schemes: of the URLs behind ``queue``, ``state`` and ``streams``.
    """

    def __init__(self, app: App, means: Means) -> None:
        self.registry = means.registry
        self.settings = means.settings
        self.clock = means.clock
        self._exit = AsyncExitStack()
        queue, state, streams = means.urls
        opened = {url: means.open_backend(url) for url in dict.fromkeys(means.urls)}
        self.backend, self.state_backend, self.streams_backend = opened[queue], opened[state], opened[streams]
        self.schemes = {
            part: url.partition(":")[0] for part, url in zip(("queue", "state", "streams"), means.urls, strict=True)
        }
        self.tails = Tails(self.streams_backend.working.streams)
        self.departures = Tails(self.streams_backend.working.streams, REST)
        self.authenticate = means.authenticate
        self.outbox = means.outbox
        self.portal = Portal()
        self.threads = means.threads
        self.services = make_services(app, self)
        self.recorder = self._make_recorder() if means.settings.is_recorded else None
        self.health = Health(self._checks())
        self.dispatcher = Dispatcher(self.registry, self.services, self.threads, self.outbox, self.recorder, self.clock)

    def _checks(self) -> list[Check]:
        """One for each database or server that the app works with."""
        backends = {id(item): item for item in (self.backend, self.state_backend, self.streams_backend)}
        found: list[Check] = [item.working.queue.check for item in backends.values()]
        return [*found, self.outbox.check] if self.outbox is not None else found

    def _make_recorder(self) -> Recorder | None:
        """What records the runs; None where the backend keeps no traces, or only for event loops."""
        store = self.backend.recording
        if store is None:
            _log.warning("this app's queue keeps no traces, so its runs are not recorded")
            return None

        def look() -> None:
            drive(tidy(store, self.settings, self.clock))

        return Recorder(store, self.clock, look)

    async def start(self) -> None:
        """Create missing tables and write the subscriptions."""
        queue, store = self.backend.waiting.queue, self.state_backend.waiting.store
        streams = self.streams_backend.waiting.streams
        self.portal.settle()
        self._exit.callback(self.portal.stop)
        self._exit.push_async_callback(self.threads.close)
        self._exit.push_async_callback(queue.close)
        self._exit.push_async_callback(self.backend.working.queue.close)
        self._exit.push_async_callback(store.close)
        self._exit.push_async_callback(streams.close)
        self._exit.callback(self.tails.close)
        self._exit.callback(self.departures.close)
        if self.outbox is not None:
            self._exit.push_async_callback(self.outbox.close)
        if self.recorder is not None and self.backend.recording is not None:
            self._exit.push_async_callback(self.backend.recording.close)
            self._exit.push_async_callback(self.recorder.close)
        self._exit.push_async_callback(self.health.close)
        for part in self.parts if self.settings.auto_migrate else ():
            await part.migrate()
        try:
            await queue.subscribe(self.registry.subscriptions, steps=self.registry.names)
        except Exception as error:
            if isinstance(error, MotiaError) or not await self.pending():
                raise
            raise StorageError(
                "tables are missing, and the setting auto_migrate is off: run `motia migrate`, then open the app"
            ) from error
        if not queue.capabilities.durable:
            _log.info("this app keeps its messages in memory: they are not durable, and end with the process")

    @property
    def parts(self) -> list[Part]:
        """What has something to migrate."""
        found: list[Part | None] = [
            self.backend.waiting.queue,
            self.state_backend.waiting.store,
            self.streams_backend.waiting.streams,
            self.backend.waiting.traces,
            self.outbox,
        ]
        return [part for part in found if part is not None]

    async def pending(self) -> list[str]:
        """What migrating would do, as SQL."""
        # By what it can do: in Django, a queue behind an outbox is wrapped.
        return [statement for part in self.parts if hasattr(part, "pending") for statement in await part.pending()]

    async def stop(self) -> None:
        """Close what was opened."""
        await self._exit.aclose()
