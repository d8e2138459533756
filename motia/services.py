"""What contexts and ambient functions work with: messenger, state, invoke and transactions over one kind of driver."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from motia.ambient import App
from motia.backends import Backend, Ports
from motia.changes import State
from motia.concurrency import Bridge, Portal, ThreadPool, drive
from motia.config import MotiaSettings
from motia.databases.base import Connection, enclosing
from motia.databases.joining import borrow, the_one
from motia.dispatcher import Dispatcher
from motia.errors import ConfigError, LeaseLost
from motia.items import Streams
from motia.messages import Delivery, Receipt, Settlement
from motia.messenger import Messenger
from motia.queues.outbox import Outbox
from motia.registry import Registry
from motia.runs import Run
from motia.steps import StepName
from motia.streams.tail import Tails


class Parts(Protocol):
    """What services are made of."""

    settings: MotiaSettings
    registry: Registry
    backend: Backend
    state_backend: Backend
    outbox: Outbox | None
    streams_backend: Backend
    tails: Tails
    portal: Portal
    threads: ThreadPool
    dispatcher: Dispatcher


class AppServices:
    """The verbs of an app over one driver; see ``motia.context.Services``.

    Args:
        app: made current while handlers run.
        parts: of the open app.
        ports: the driver of the queue, of the store and of the streams.
        bridge: runs these coroutines from blocking code.
        inline: ``invoke`` runs ``def`` steps on the caller's own thread.
    """

    def __init__(
        self, app: App, parts: Parts, ports: tuple[Ports, Ports, Ports], bridge: Bridge, *, inline: bool = False
    ) -> None:
        queue, store = ports[0].queue, ports[1].store
        settings = parts.settings
        self.app = app
        self.bridge = bridge
        self.portal: Bridge = parts.portal
        self._parts = parts
        self._queue = queue
        self._database = ports[0].database
        self._inline = inline
        self.messenger = Messenger(
            queue,
            self._database,
            parts.registry.topics,
            payload_limit=settings.payload_limit,
            strict_topics=settings.strict_topics,
            outbox=parts.outbox,
        )
        joined = parts.backend.identity is parts.state_backend.identity
        self.state = State(store, queue, joined=joined, value_limit=settings.payload_limit)
        joined = parts.backend.identity is parts.streams_backend.identity
        self.streams = Streams(ports[2].streams, queue, parts.tails, joined=joined, value_limit=settings.payload_limit)

    async def enqueue(self, topic: Any, data: Any = None, **options: Any) -> Receipt:
        return await self.messenger.enqueue(topic, data, **options)

    async def enqueue_step(self, step: str, data: Any = None, **options: Any) -> Receipt:
        plan = self._parts.registry.plan_of(step)
        return await self.messenger.enqueue_step(plan.name, data, **options)

    async def cancel(self, message_id: str) -> bool:
        if not isinstance(message_id, str):
            raise ConfigError(f"cancel expected the id of a message, receipt.message_id, got {message_id!r}")
        return await self._queue.cancel(message_id)

    async def invoke(self, step: StepName, value: Any, trigger: str | None) -> Any:
        plan = self._parts.registry.plan_of(step, trigger)
        work = self._parts.dispatcher.invoke(plan, value, inline=self._inline)
        if self._inline and plan.binding.is_async:
            return self._parts.portal(work)
        return await work

    async def ensure_held(self, run: Run) -> None:
        lease, delivery = run.lease, run.delivery
        if lease is None or delivery is None or (lease.verdict is None and lease.is_sure):
            return
        if lease.verdict != "lost" and not lease.is_sure:  # nothing was renewed for long: this process stood still
            asked = time.monotonic()
            held = await self._queue.beat(lease.owner, lease.seconds)
            if any((item.handle, item.token) == (delivery.handle, delivery.token) for item in held):
                lease.renewed(asked)
            else:
                lease.verdict = "lost"
        if lease.verdict == "lost":
            lease.check(delivery.id)

    @asynccontextmanager
    async def transaction(self, run: Run, connection: Any = None, session: Any = None) -> AsyncIterator[Any]:
        native = the_one(connection, session)
        outbox = self._parts.outbox
        if native is not None and outbox is not None:
            async with borrow(outbox.database, native) as transaction:
                yield transaction.connection.native
                if run.delivery is not None and not await outbox.settle(run.delivery, transaction.connection):
                    raise _lost(run.delivery)
            run.committed = run.delivery is not None
            return
        if self._database is None:
            raise ConfigError(
                "ctx.transaction() expected a SQL queue, or connection= or session= and their database as the setting "
                "`outbox` (MOTIA_OUTBOX); this app's queue has no transactions"
            )
        inner = native is None and enclosing(self._database) is not None
        lent = self._database.transaction() if native is None else borrow(self._database, native)
        try:
            async with lent as transaction:
                yield transaction.connection.native
                if not inner:  # what is inside another one is acknowledged with that
                    await self._acknowledge(run, transaction.connection)
            run.settled = run.settled or (run.delivery is not None and not inner)
        finally:
            if run.lease is not None:
                run.lease.over = run.settled

    async def _acknowledge(self, run: Run, connection: Connection) -> None:
        delivery = run.delivery
        if delivery is None or run.settled:
            return
        if not await self._queue.settle(Settlement(delivery.handle, delivery.token, "done"), via=connection):
            if run.lease is not None:
                run.lease.verdict = "lost"
            raise _lost(delivery)
        if run.lease is not None:
            run.lease.over = True  # a beat that comes before our commit is known finds nothing


def _lost(delivery: Delivery) -> LeaseLost:
    return LeaseLost(
        f"delivery {delivery.id} belongs to another worker now, so this transaction was rolled back; "
        "nothing needs to be done, the other run completes the work"
    )


def make_services(app: App, parts: Parts) -> tuple[AppServices, AppServices]:
    """The services for async handlers, and those for blocking code."""
    backends = (parts.backend, parts.state_backend, parts.streams_backend)
    queue, store, streams = (backend.waiting for backend in backends)
    waiting = AppServices(app, parts, (queue, store, streams), drive)
    blocking = [backend.blocking for backend in backends if backend.blocking is not None]
    if len(blocking) < len(backends):
        return waiting, AppServices(app, parts, (queue, store, streams), parts.portal)
    return waiting, AppServices(app, parts, (blocking[0], blocking[1], blocking[2]), drive, inline=True)
