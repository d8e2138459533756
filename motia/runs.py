"""One run of a step: what the dispatcher, the context and the recorder know of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from motia.ambient import App
from motia.changes import State
from motia.concurrency import Bridge
from motia.inputs import TriggerInfo
from motia.items import Streams
from motia.leases import Lease
from motia.logs import StepLogger
from motia.messages import Delivery
from motia.messenger import Messenger
from motia.steps import StepName
from motia.tracing import Recording, Trace, continued


class Services(Protocol):
    """What a context works with: one for async handlers, one over the blocking driver.

    Attributes:
        app: made current while the handler runs.
        messenger, state, streams: the verbs.
        bridge: runs one of their coroutines from blocking code.
        portal: runs one that waits for others, on a loop of its own.
    """

    app: App
    messenger: Messenger
    state: State
    streams: Streams
    bridge: Bridge
    portal: Bridge

    async def invoke(self, step: StepName, value: Any, trigger: str | None) -> Any:
        """Run a step in this process, in this trace."""
        ...

    async def ensure_held(self, run: Run) -> None:
        """Raise ``LeaseLost`` where another worker has the delivery of a run; asks the backend when in doubt."""
        ...

    def transaction(self, run: Run, connection: Any, session: Any) -> AbstractAsyncContextManager[Any]:
        """A transaction in which the handler's writes, sends and acknowledgement commit together."""
        ...


class Run:
    """One run of a step, shared by the faces that look at it.

    Attributes:
        delivery: None for http and ``invoke``.
        settled: the acknowledgement has been committed by ``ctx.transaction()``.
        committed: the same in the database of the outbox, so the queue is yet to be told.
        lease: of the delivery; None where there is none that another worker could take.
        recording: for the Workbench; None where nothing is recorded.
    """

    __slots__ = ("_fields", "_logger", "_trace", "blocking", "committed", "delivery", "input", "lease", "recording",
                 "settled", "step", "trigger", "waiting")  # fmt: skip

    def __init__(
        self,
        step: str,
        trigger: TriggerInfo,
        trace: Trace | None,
        input: Any,
        services: tuple[Services, Services],
        delivery: Delivery | None = None,
    ) -> None:
        self.step = step
        self.trigger = trigger
        self._trace = trace
        self.input = input
        self.delivery = delivery
        self.waiting, self.blocking = services
        self.settled = False
        self.committed = False
        self.lease: Lease | None = None
        self.recording: Recording | None = None
        self._logger: StepLogger | None = None
        self._fields: Mapping[str, Any] | None = None

    @property
    def trace(self) -> Trace:
        """The span it runs in. Where none was known it is made when somebody asks, which most handlers do not."""
        if self._trace is None:
            made = continued(self.delivery.traceparent if self.delivery else None)
            self._trace = self._trace or made  # another thread of the handler's may have been first
        return self._trace

    @trace.setter
    def trace(self, trace: Trace) -> None:
        self._trace = trace

    @property
    def begins_trace(self) -> bool:
        """Whether nobody has named a trace that it belongs to, or asked for its own."""
        return self._trace is None

    @property
    def app(self) -> App:
        """The app that ambient functions use inside this run."""
        return self.waiting.app

    @property
    def fields(self) -> Mapping[str, Any]:
        """What every log line of this run carries."""
        if self._fields is None:
            self._fields = {"step": self.step, "trace_id": self.trace.trace_id}
            if self.delivery is not None:
                self._fields |= {"delivery_id": self.delivery.id, "attempt": self.delivery.attempt}
        return self._fields
