"""``MotiaTester``: an app's real steps and dispatcher, on the memory backend and a virtual clock."""

from __future__ import annotations

import dataclasses
import functools
import json as jsonlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlencode

import anyio

from motia import ConfigError, HttpError, Motia, Receipt
from motia.backends import Backend, Ports
from motia.changes import State
from motia.concurrency import drive
from motia.errors import did_you_mean
from motia.items import Streams
from motia.messages import RESERVED, DeadLetter, Message, Settlement
from motia.queues.base import DeadQuery, Demand
from motia.requests import QueryParams
from motia.steps import StepName, name_of
from motia.testing.clock import VirtualClock
from motia.testing.watching import Sent, Watch, watched
from motia.web.answers import Answer
from motia.web.endpoint import Host, make_router, respond
from motia.web.failures import error_answer, too_large
from motia.web.incoming import Incoming
from motia.web.streams import Stream
from motia.worker.ticker import Ticker

BATCH = 100
MAX_DELIVERIES = 100_000
"""Deliveries in one ``wait_idle`` after which a flow is taken for one that never ends."""
Failures = dict[str, list[BaseException | type[BaseException]]]


@dataclasses.dataclass(frozen=True)
class TestResponse:
    """The answer to a request of the tester.

    Attributes:
        status: the status code; ``status_code`` is the same.
        headers: names in lower case; ``headers[k]`` is the last value, ``headers.getlist(k)`` all of them.
        body: all of it, also where it was streamed.
    """

    __test__ = False  # pytest, this is no test class

    status: int
    headers: QueryParams
    body: bytes

    @property
    def status_code(self) -> int:
        return self.status

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body, parsed; None when there is none."""
        return jsonlib.loads(self.body) if self.body else None


class TestedMotia(Motia):
    """The app under test: its steps, on a memory backend that is watched, with a clock under control."""

    __test__ = False

    def __init__(self, app: Motia, clock: VirtualClock, sent: Sent, failures: Failures) -> None:
        steps = [step.wrapped(functools.partial(_failing, step.name, failures)) for step in app.steps]
        settings = app.settings.model_copy(update={"url": "memory:"})
        super().__init__(steps=steps, settings=settings, clock=clock)
        self._sent = sent

    def _open_backend(self, url: str) -> Backend:
        backend = super()._open_backend("memory:")
        assert backend.blocking is not None
        return dataclasses.replace(
            backend, waiting=watched(backend.waiting, self._sent), blocking=watched(backend.blocking, self._sent)
        )


class MotiaTester:
    """Runs an app's flows in a test: deterministic, in this process, without touching the app's own backend.

    What is ready runs when the test asks for it: in ``wait_idle``, ``wait_for_topic`` and ``advance``. Time passes in
    the latter two alone.

    Args:
        app: whose steps are run.
        clock: default: a new one, at 1 January 2030.
    """

    def __init__(self, app: Motia, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self._sent = Sent()
        self._failures: Failures = {}
        self._app = TestedMotia(app, self.clock, self._sent, self._failures)
        self._router = make_router(app.registry.http)
        self._ticker: Ticker | None = None

    async def __aenter__(self) -> MotiaTester:
        await self._app.open()
        parts = self._app.running
        self._sent.open(self._blocking)
        self._ticker = Ticker(parts.backend.waiting.queue, parts.registry.schedules, self.clock)
        await self._ticker.fire_due()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sent.close()
        await self._app.close()

    @property
    def _blocking(self) -> Ports:
        """The blocking driver, for what is asked without waiting."""
        blocking = self._app.running.backend.blocking
        assert blocking is not None
        return blocking

    @property
    def sent(self) -> list[Message]:
        """Every message that was sent, those of triggers included."""
        return self._sent.messages

    @property
    def app(self) -> Motia:
        """The app under test, open."""
        return self._app

    @property
    def state(self) -> State:
        """The app's state."""
        return self._app.state

    @property
    def streams(self) -> Streams:
        """The app's streams."""
        return self._app.streams

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """Deliveries that will not be tried again, newest first."""
        return drive(self._blocking.queue.dead(DeadQuery()))

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> TestResponse:
        """Send a request to the http step of a path.

        Args:
            json: sent as the body, with its content type.
            content: sent as the body, as it is.
            params: the query.
        """
        method, sent = method.upper(), {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            content = jsonlib.dumps(json, default=_jsonable).encode()
            sent.setdefault("content-type", "application/json")
        path, _, query = path.partition("?")
        if params:
            query = "&".join(filter(None, [query, urlencode(params, doseq=True)]))
        answer = await self._answer(method, path, query, sent, content)
        return await self._received(answer, head=method == "HEAD")

    async def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        found, settings = self._router.match(path), self._app.settings
        if found is None:
            return error_answer(HttpError(404, f"no step answers {path}"))
        endpoint, values = found
        plan = endpoint.plan_for(method)
        if plan is None:
            return endpoint.without_step(method)
        if len(body) > settings.body_limit:
            return too_large(settings.body_limit)
        incoming = Incoming(method, unquote(path), endpoint.params(plan, values), query, headers, body, None)
        plan = self._app.registry.by_step[plan.name][plan.index]
        answer = await respond(self._app.running.dispatcher, plan, incoming, Host(debug=settings.debug))
        assert isinstance(answer, Answer)  # there is no framework whose responses could pass
        return answer

    async def _received(self, answer: Answer, *, head: bool = False) -> TestResponse:
        stream, headers = b"" if head else answer.body, QueryParams(answer.headers)
        if not isinstance(stream, Stream):
            return TestResponse(answer.status, headers, stream)
        chunks: list[bytes] = []

        async def receive() -> None:
            async for chunk in stream.chunks(self._app.running.threads):
                chunks.append(chunk)

        try:
            await stream.consume(receive())
        except Exception as error:  # before its first part it is an answer, as with a server
            return await self._received(stream.on_error(error, stream.events or bool(chunks)))
        return TestResponse(answer.status, headers, b"".join(chunks))

    get = functools.partialmethod(request, "GET")
    post = functools.partialmethod(request, "POST")
    put = functools.partialmethod(request, "PUT")
    patch = functools.partialmethod(request, "PATCH")
    delete = functools.partialmethod(request, "DELETE")
    head = functools.partialmethod(request, "HEAD")
    options = functools.partialmethod(request, "OPTIONS")

    async def enqueue(self, topic: Any, data: Any = None, **options: Any) -> Receipt:
        """Send a message; takes the options of ``ctx.enqueue``."""
        return await self._app.enqueue(topic, data, **options)

    async def invoke(self, step: StepName, input: Any = None, trigger: str | None = None) -> Any:
        """Run a step and return its result."""
        return await self._app.invoke(step, input, trigger=trigger)

    async def cancel(self, message_id: str) -> bool:
        """Cancel a message; see ``Motia.cancel``."""
        return await self._app.cancel(message_id)

    async def redrive(self, step: StepName | None = None) -> int:
        """Make dead letters ready again, all or those of one step; how many."""
        return await self._app.running.backend.waiting.queue.redrive(
            DeadQuery(step=None if step is None else name_of(step))
        )

    def watch(self, topic: str) -> Watch:
        """The messages of a topic, those sent before included."""
        return Watch(topic, self._sent)

    def fail_next(self, step: StepName, error: BaseException | type[BaseException]) -> None:
        """Let the next run of a step raise ``error`` in place of running; call it again for the run after.

        Raises:
            ConfigError: the app has no such step.
        """
        known = self._app.registry.steps
        if name_of(step) not in known:
            raise ConfigError(
                f"fail_next expected a step of this app, got {step!r}; {did_you_mean(name_of(step), list(known))}"
            )
        self._failures.setdefault(name_of(step), []).append(error)

    async def wait_idle(self) -> None:
        """Run all that is ready, and what it sends, until nothing is ready at this time.

        Raises:
            AssertionError: after 100,000 deliveries there is still more.
        """
        ran = 0
        while count := await self._turn():
            ran += count
            if ran > MAX_DELIVERIES:
                raise AssertionError(f"still not idle after {ran} deliveries: does a step send to itself for ever?")

    async def advance(self, delta: timedelta | None = None, /, **parts: float) -> None:
        """Let time pass, and run what falls due on the way, each at its moment.

        Args:
            delta: how long; or by the names of ``timedelta``: ``hours=1, minutes=30``.
        """
        target = self.clock.now() + (delta or timedelta(**parts)).total_seconds()
        await self.wait_idle()
        while (moment := await self._next_moment()) is not None and moment <= target:
            self.clock.advance(max(0.0, moment - self.clock.now()))
            await self.wait_idle()
        self.clock.advance(max(0.0, target - self.clock.now()))
        await self.wait_idle()

    async def wait_for_topic(self, topic: str, match: Mapping[str, Any] | None = None, *, timeout: float = 5.0) -> Any:
        """Run the app until a message of ``topic`` has been sent, and return its data.

        Args:
            match: entries that the data must have.
            timeout: seconds of virtual time to wait, for retries and delays.

        Raises:
            AssertionError: none came; tells what was sent.
        """
        deadline = self.clock.now() + timeout
        while True:
            await self.wait_idle()
            for data in self.watch(topic).events:
                if match is None or (isinstance(data, Mapping) and match.items() <= data.items()):
                    return data
            moment = await self._next_moment()
            if moment is None or moment > deadline:
                raise AssertionError(self._unseen(topic, match, timeout))
            self.clock.advance(max(0.0, moment - self.clock.now()))

    def _unseen(self, topic: str, match: Mapping[str, Any] | None, timeout: float) -> str:
        seen = [f"{message.topic} {message.payload}" for message in self.sent if not message.topic.startswith(RESERVED)]
        dead = [f"{letter.id}: {letter.reason}: {letter.error}" for letter in self.dead_letters]
        wanted = f"{topic!r} with {dict(match)!r}" if match else repr(topic)
        lines = [f"no message of {wanted} within {timeout:g} s; sent were:", *(seen or ["nothing"])]
        return "\n  ".join([*lines, "dead letters:", *dead] if dead else lines)

    async def _next_moment(self) -> float | None:
        """When something falls due next: a scheduled delivery or a tick."""
        assert self._ticker is not None
        due = (await self._app.running.backend.waiting.queue.exchange([])).next_due
        tick = self._ticker.next_tick()
        moments = [self.clock.now() + due] if due is not None else []
        moments += [tick] if tick != float("inf") else []
        return min(moments, default=None)

    async def _turn(self) -> int:
        """Claim what is ready and run it; how many deliveries."""
        assert self._ticker is not None
        await self._ticker.fire_due()
        parts = self._app.running
        queue, served = parts.backend.waiting.queue, frozenset(parts.registry.plans)
        settlements: list[Settlement] = []
        count = 0
        for suspects in (False, True):
            demand = Demand("tester", BATCH, served, parts.settings.lease, suspects)
            deliveries = (await queue.exchange([], demand)).deliveries
            count += len(deliveries)
            async with anyio.create_task_group() as tasks:
                for delivery in deliveries:
                    tasks.start_soon(self._run, delivery, settlements)
        await queue.exchange(settlements)
        return count

    async def _run(self, delivery: Any, settlements: list[Settlement]) -> None:
        settlement = await self._app.running.dispatcher.on_message(delivery)
        if settlement is not None:
            settlements.append(settlement)


def _failing(name: str, failures: Failures, handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler of a step, which raises what ``fail_next`` was given."""

    @functools.wraps(handler)
    def failing(*args: Any, **kwargs: Any) -> Any:
        if failures.get(name):
            raise failures[name].pop(0)
        return handler(*args, **kwargs)

    return failing


def _jsonable(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
