"""``Motia``: the composition root. It brings the parts together, has them opened and closed, and does nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType, TracebackType
from typing import Any, TypeVar

import anyio

from motia import ambient, discovery
from motia.ambient import Stream
from motia.backends import Backend, open_backend
from motia.changes import State
from motia.clock import Clock, SystemClock
from motia.concurrency import ThreadPool
from motia.config import MotiaSettings
from motia.declared import declared
from motia.errors import ConfigError, NotOpen
from motia.items import Streams
from motia.messages import Receipt
from motia.opened import Means, OpenParts
from motia.queues.outbox import Outbox
from motia.registry import Registry, build_registry
from motia.services import AppServices
from motia.steps import Step, StepName
from motia.triggers import HttpTrigger

T = TypeVar("T")
StepSource = Step[..., Any] | ModuleType | str


class Motia:
    """An app: its steps, and the backends they work with. Making one opens nothing.

    Args:
        url: of the backend for queue, state and streams; default ``$MOTIA_URL``, else ``sqlite:///motia.db``.
        steps: ``Step`` objects, modules, dotted module names, or folders of step files.
        queue: a URL of its own for the queue.
        state: a URL of its own for state.
        streams: a URL of its own for streams.
        authenticate: asked for every client that wants to follow streams, before it is let in: gets a request with
            ``headers, path, query_params, addr, native`` and returns a context for the hooks of the streams, any value;
            None is an anonymous client; False, ``{"unauthorized": True}`` and an exception refuse. Plain or async.
        settings: everything else; default: read from ``MOTIA_*`` variables when the app is opened.
        clock: where the time comes from; tests give their own.

    Raises:
        ConfigError: something in ``steps`` is not a source of steps, or another argument is not what it must be.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        steps: Iterable[StepSource] = (),
        queue: str | None = None,
        state: str | None = None,
        streams: str | None = None,
        authenticate: Callable[[Any], Any] | None = None,
        settings: MotiaSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(steps, str) or not isinstance(steps, Iterable):
            raise ConfigError(f"steps expected a list, got {steps!r}; write steps=[{steps!r}]")
        if settings is not None and not isinstance(settings, MotiaSettings):
            raise ConfigError(f"settings expected MotiaSettings(...), got {settings!r}")
        self._urls = {"url": url, "queue": queue, "state": state, "streams": streams}
        for name, given in self._urls.items():
            if given is not None and not isinstance(given, str):
                raise ConfigError(f"{name} expected a URL such as 'sqlite:///motia.db', got {given!r}")
        self._authenticate = authenticate
        self._given = settings
        self._clock = clock or SystemClock()
        self._sources: list[StepSource] = list(steps)
        self._registry: Registry | None = None
        self._open: OpenParts | None = None
        self._opened = 0
        self._starting: anyio.Event | None = None

    def include(self, *sources: StepSource) -> None:
        """Add more steps. Without effect on an app that is open.

        Raises:
            ConfigError: the app is open already.
        """
        if self._open is not None:
            raise ConfigError("include() expected an app that is not open yet; add steps before it starts")
        self._sources.extend(sources)
        self._registry = None

    @property
    def url(self) -> str:
        """The URL of the queue's backend."""
        return self._urls["queue"] or self._urls["url"] or self.settings.url

    @property
    def settings(self) -> MotiaSettings:
        """The settings; read from the environment when first needed."""
        if self._given is None:
            self._given = MotiaSettings.from_env()
        return self._given

    def with_settings(self, **overrides: Any) -> Motia:
        """This app with other settings; it must not be open."""
        if self._open is not None:
            raise ConfigError("with_settings() expected an app that is not open yet")
        self._given = MotiaSettings.from_mapping(self.settings.model_dump(exclude_unset=True) | overrides)
        return self

    @property
    def registry(self) -> Registry:
        """The steps, checked. Built when first needed.

        Raises:
            RegistrationError: lists everything that is wrong with them.
        """
        if self._registry is None:
            self._registry = build_registry(discovery.collect(self._sources), self.settings.timezone)
        return self._registry

    @property
    def steps(self) -> Sequence[Step[..., Any]]:
        """Every step of the app."""
        return list(self.registry.steps.values())

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """Every http trigger as ``(method, path, step name)``."""
        triggers = [(plan.trigger, plan.name) for plan in self.registry.http]
        return [(item.method, item.path, name) for item, name in triggers if isinstance(item, HttpTrigger)]

    def make_threads(self) -> ThreadPool:
        """Where ``def`` handlers run; subclasses may give threads of their own."""
        return ThreadPool(self.settings.threads)

    def _open_backend(self, url: str) -> Backend:
        """The backend behind a URL, with the clock and the deadline of this app; subclasses may wrap it."""
        return open_backend(url, self._clock, self.settings.busy_timeout)

    def _open_outbox(self) -> Outbox | None:
        """The outbox that is set; None where there is none, or the queue's own database is given as such."""
        url = self.settings.outbox
        if not url or url == self.url:
            return None
        database = self._open_backend(url).working.database
        if database is None:
            raise ConfigError(
                f"setting MOTIA_OUTBOX expected the URL of a SQL database, such as postgresql://..., got {url!r}"
            )
        return Outbox(database, self._clock)

    async def __aenter__(self) -> Motia:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Create missing tables and write the subscriptions. Counted: each ``open`` wants its ``close``.

        Raises:
            RegistrationError: something is wrong with the steps.
            QueueUnavailable, StorageError: the backend cannot be used.
        """
        while self._starting is not None:
            await self._starting.wait()
        if self._open is None:
            self._starting = anyio.Event()
            try:
                self._open = await self._started()
            finally:
                self._starting.set()
                self._starting = None
            ambient.app_opened(self)
        self._opened += 1

    def _made(self) -> OpenParts:
        """The parts of this app, which have opened nothing as yet."""
        urls = self._urls
        common = urls["url"] or self.settings.url
        means = Means(
            self.registry,
            self.settings,
            self._clock,
            (urls["queue"] or common, urls["state"] or common, urls["streams"] or common),
            self._open_backend,
            self._open_outbox(),
            self.make_threads(),
            self._authenticate,
        )
        return OpenParts(self, means)

    async def _started(self) -> OpenParts:
        opened = self._made()
        try:
            await opened.start()
        except BaseException:
            await opened.stop()
            raise
        return opened

    async def close(self) -> None:
        """Close what ``open`` opened, once the last user is gone; without effect on an app that is not open."""
        self._opened = max(0, self._opened - 1)
        if self._opened == 0 and self._open is not None:
            ambient.app_closed(self)
            opened, self._open = self._open, None
            await opened.stop()

    @property
    def running(self) -> OpenParts:
        """The parts of the open app, for adapters and the worker.

        Raises:
            NotOpen: the app is not open.
        """
        if self._open is None:
            raise NotOpen(
                "this motia app is not open; use `async with motia:`, or mount it on a web app whose lifespan opens it"
            )
        return self._open

    @property
    def waiting(self) -> AppServices:
        """The verbs for code on an event loop."""
        return self.running.services[0]

    @property
    def blocking(self) -> AppServices:
        """The verbs for blocking code; their ``bridge`` runs them."""
        return self.running.services[1]

    @property
    def state(self) -> State:
        """State from outside a handler; ``await motia.state.get(...)``."""
        return self.waiting.state

    @property
    def streams(self) -> Streams:
        """Streams from outside a handler; ``await motia.streams.todo.set(...)``."""
        return self.waiting.streams

    @property
    def streams_declared(self) -> Sequence[Stream]:
        """Every stream that is declared in this process."""
        return [Stream(spec.name) for spec in declared()]

    async def enqueue(self, topic: Any, data: Any = None, **options: Any) -> Receipt:
        """Send a message from outside a handler; takes the options of ``ctx.enqueue``."""
        return await self.waiting.enqueue(topic, data, **options)

    async def enqueue_many(self, items: Iterable[Any], **options: Any) -> list[Receipt]:
        """Send many messages in one transaction, all or none."""
        return await self.waiting.messenger.enqueue_many(items, **options)

    async def invoke(self, step: StepName, input: Any = None, trigger: str | None = None) -> Any:
        """Run a step in this process and return its result.

        Raises:
            UnknownStep: no step of that name is in this app.
        """
        return await self.waiting.invoke(step, input, trigger)

    async def cancel(self, message_id: str) -> bool:
        """Forget what has not started of a message, and ask what runs to stop; whether there was anything."""
        return await self.waiting.cancel(message_id)


async def pending_statements(app: Motia) -> list[str]:
    """What opening the app would do to its databases first, as SQL. Changes nothing."""
    opened = app._made()
    try:
        return await opened.pending()
    finally:
        for part in opened.parts:
            await part.close()


_inherited: list[OpenParts] = []
"""What forked children were born with: kept, because closing it could say goodbye on the parent's connections."""


def disown(app: Motia) -> None:
    """In a forked child: let an app that the parent has opened be closed, and touch nothing of the parent's."""
    if app._open is not None:
        ambient.app_closed(app)
        _inherited.append(app._open)
        app._open, app._opened = None, 0
