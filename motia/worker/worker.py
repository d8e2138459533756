"""``Worker``: everything that runs in the background of one process, in one task group."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import anyio

from motia.app import Motia
from motia.errors import ConfigError, QueueUnavailable, StorageError, did_you_mean
from motia.logs import counted, deliveries
from motia.messages import RESERVED
from motia.policies import reconnect_delay
from motia.steps import StepName, name_of
from motia.worker.consumer import Consumer
from motia.worker.heart import beat, reap
from motia.worker.owner import make_owner
from motia.worker.pulse import Pulse
from motia.worker.relay import relay, relay_once
from motia.worker.ticker import Ticker
from motia.worker.tidying import keep_tidy

Lane = Literal["all", "fresh", "suspects"]
FLUSH_TIMEOUT = 5.0
"""Seconds at shutdown for telling the queue of what was finished or handed back."""
HEED_TIMEOUT = 1.0
"""Seconds of these for handlers to heed their cancellation."""
DRAIN_POLL = 0.2
RESTART = 75
"""Exit code of a child that was asked to make room for a new one (EX_TEMPFAIL of sysexits.h)."""
STEADY = 60.0
"""Seconds after which a service that fails has not failed in a row."""
_log = logging.getLogger("motia.worker")
_spread = random.Random()  # noqa: S311  # only spreads the workers


class Worker:
    """Consumes deliveries and fires schedules for an app.

    Attributes:
        abandoned: after the end: threads of handlers still run.

    Args:
        motia: the app; opened for the time the worker runs.
        concurrency: deliveries at once; default: the setting, 100.
        queues: steps, by name or themselves, or topics to serve; default: all.
        owner: who we are to the queue; default: a new name for this process.
        lane: ``fresh`` leaves deliveries whose worker died to others, ``suspects`` serves nothing else, one at a time.
        housekeeping: fire schedules and take back lapsed leases; False where a supervisor does it.

    Raises:
        ConfigError: a name in ``queues`` is neither a step nor a topic of the app, or ``concurrency`` is below 1.
    """

    def __init__(
        self,
        motia: Motia,
        *,
        concurrency: int | None = None,
        queues: Collection[StepName] | None = None,
        owner: str | None = None,
        lane: Lane = "all",
        housekeeping: bool = True,
    ) -> None:
        self._motia = motia
        if concurrency is not None and (not isinstance(concurrency, int) or concurrency < 1):
            raise ConfigError(f"concurrency expected a number of deliveries from 1 on, got {concurrency!r}")
        self._concurrency = concurrency or motia.settings.concurrency
        self._subscriptions = served(motia, queues)
        self._owner = owner or make_owner()
        self._lane = lane
        self._housekeeping = housekeeping
        self._consumers: list[Consumer] = []
        self._stopped = anyio.Event()
        self._hurry = anyio.Event()
        self._stack = AsyncExitStack()
        self._draining = False
        self.abandoned = False

    @property
    def owner(self) -> str:
        """Who we are to the queue."""
        return self._owner

    @property
    def busy(self) -> bool:
        """Whether a handler is running."""
        return any(consumer.running for consumer in self._consumers)

    async def is_ready(self) -> bool:
        """Whether it takes work, and there is a queue to take it from."""
        consumes = bool(self._consumers) and not self._stopped.is_set()
        return consumes and await self._motia.running.health.is_good()

    def stop(self) -> None:
        """Claim nothing more, finish what runs within the grace period, hand the rest back."""
        self._stopped.set()
        for consumer in self._consumers:
            consumer.stop()

    def stop_now(self) -> None:
        """Cancel what runs and hand it back."""
        self._hurry.set()
        self.stop()

    async def __aenter__(self) -> Worker:
        """Work in the background of a block; see ``running``."""
        await self._stack.enter_async_context(self.running())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def run(self, *, drain: bool = False) -> None:
        """Work until ``stop``; with ``drain``, until nothing is ready or running."""
        self._draining = drain
        async with self._motia, self._background() as consumed:
            await consumed.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work in the background of a block; graceful stop at its end."""
        async with self._motia, self._background() as consumed:
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    self.stop()
                    await consumed.wait()

    @asynccontextmanager
    async def _background(self) -> AsyncIterator[anyio.Event]:
        """The task group; yields the event that is set when all consumers have ended."""
        self._consumers = self._make_consumers()
        consumed = anyio.Event()
        async with anyio.create_task_group() as tasks, self._pulse():
            for name, service in self._services().items():
                tasks.start_soon(kept_alive, name, service)
            tasks.start_soon(self._consume, consumed)
            try:
                yield consumed
            finally:
                tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _pulse(self) -> AsyncIterator[None]:
        blocking = self._motia.running.backend.blocking if self._housekeeping else None
        queue = blocking.queue if blocking is not None else None
        with Pulse(queue, self._owner, self._motia.settings.lease, self._consumers).beating():
            yield

    def _make_consumers(self) -> list[Consumer]:
        parts, settings = self._motia.running, self._motia.settings
        lanes = {"fresh": [(self._concurrency, False)], "suspects": [(1, True)]}
        lanes["all"] = lanes["fresh"] + lanes["suspects"]
        consumers = [
            Consumer(
                parts.backend.working.queue,
                parts.dispatcher,
                self._owner,
                limit=limit,
                subscriptions=self._subscriptions,
                lease=settings.lease,
                suspects=suspects,
            )
            for limit, suspects in lanes[self._lane]
        ]
        for consumer in consumers:
            if self._draining:
                consumer.drain()
            if self._stopped.is_set():
                consumer.stop()
        return consumers

    def _services(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        parts, lease = self._motia.running, self._motia.settings.lease
        queue, store = parts.backend.working.queue, parts.state_backend.working.store
        streams = parts.streams_backend.working.streams
        heartbeat = {"heartbeat": lambda: beat(queue, self._owner, lease, self._consumers)}
        if not self._housekeeping:
            return heartbeat
        ticker = Ticker(queue, parts.registry.schedules, parts.clock)
        services = heartbeat | {
            "reaper": lambda: reap(queue, store, streams, lease, amnesty=queue.capabilities.remote),
            "cron": ticker.run,
        }
        if (outbox := parts.outbox) is not None:
            services["relay"] = lambda: relay(outbox, queue, self._owner)
        if (traces := parts.backend.working.traces) is not None:
            services["tidying"] = lambda: keep_tidy(traces, parts.settings, parts.clock)
        return services

    async def _consume(self, consumed: anyio.Event) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end_in_time, tasks.cancel_scope)
                await self._consume_all()
                tasks.cancel_scope.cancel()
        finally:
            consumed.set()

    async def _consume_all(self) -> None:
        """Run the consumers until they end; when draining, until what they started has ended too."""
        while True:
            if self._draining:
                await kept_alive("relay", self._relay_waiting)
            async with anyio.create_task_group() as tasks:
                for consumer in self._consumers:
                    tasks.start_soon(kept_alive, "consumer", consumer.run)
            if not self._draining or self._stopped.is_set() or await self._is_drained():
                return
            await anyio.sleep(DRAIN_POLL)

    async def _relay_waiting(self) -> None:
        parts = self._motia.running
        while parts.outbox is not None and await relay_once(parts.outbox, parts.backend.working.queue, self._owner):
            continue

    async def _is_drained(self) -> bool:
        outbox = self._motia.running.outbox
        if outbox is not None and await outbox.any():
            return False
        stats = await self._motia.running.backend.working.queue.stats()
        served = [item for item in stats if item.id in self._subscriptions and not item.paused]
        return not any(item.ready or item.running for item in served)

    async def _end_in_time(self, everything: anyio.CancelScope) -> None:
        """After ``stop``: let what runs finish for the grace period, then hand it back, then give up."""
        await self._stopped.wait()
        with anyio.move_on_after(self._motia.settings.grace):
            await self._hurry.wait()
        running = sum(len(consumer.running) for consumer in self._consumers)
        if running:
            _log.warning("handing %s back, unfinished", deliveries(running))
        for consumer in self._consumers:
            consumer.release()
        await anyio.sleep(HEED_TIMEOUT)
        if left := sum(consumer.abandon() for consumer in self._consumers):
            self.abandoned = True
            shown = counted(left, "thread of a handler", "threads of handlers")
            _log.warning("%s outlasted the grace period and cannot be stopped", shown)
        await anyio.sleep(FLUSH_TIMEOUT - HEED_TIMEOUT)
        everything.cancel()


def served(motia: Motia, queues: Collection[StepName] | None) -> frozenset[str]:
    """The ids of the subscriptions to serve.

    Raises:
        ConfigError: a name is neither a step nor a topic of the app.
    """
    subscriptions = motia.registry.subscriptions
    if queues is None:
        return frozenset(item.id for item in subscriptions)
    if isinstance(queues, str):
        raise ConfigError(f"queues expected a list of steps and topics, got {queues!r}; write queues=[{queues!r}]")
    names = [name_of(item) for item in queues]
    topics = {item.topic for item in subscriptions if not item.topic.startswith(RESERVED) and item.topic != item.id}
    known = topics | {item.step for item in subscriptions}
    for name in names:
        if name not in known:
            raise ConfigError(f"no step or topic {name!r} to serve; {did_you_mean(name, sorted(known))}")
    return frozenset(item.id for item in subscriptions if item.topic in names or item.step in names)


async def kept_alive(name: str, service: Callable[[], Awaitable[None]]) -> None:
    """Run a service to its end; after an error start it again, later each time. Nothing escapes to the host app."""
    failures = 0
    while True:
        began = time.monotonic()
        try:
            await service()
            return
        except Exception as error:
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            delay = reconnect_delay(failures, _spread)
            expected = isinstance(error, (QueueUnavailable, StorageError))
            _log.error("the %s failed and starts again in %.1f s: %s", name, delay, error, exc_info=not expected)
            await anyio.sleep(delay)
