"""``SyncMotiaTester``: the tester for ``def`` tests."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from motia import Motia, Receipt
from motia.context_blocking import SyncState
from motia.items_blocking import SyncStreams
from motia.messages import DeadLetter
from motia.steps import StepName
from motia.testing.clock import VirtualClock
from motia.testing.tester import MotiaTester, TestResponse
from motia.testing.watching import Watch


class SyncMotiaTester:
    """``MotiaTester`` with blocking methods, on an event loop in a thread of its own."""

    def __init__(self, app: Motia, clock: VirtualClock | None = None) -> None:
        self._tester = MotiaTester(app, clock)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> SyncMotiaTester:
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(self._portal.wrap_async_context_manager(self._tester))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _call(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        assert self._portal is not None, "use the tester in a `with` block"
        return self._portal.call(functools.partial(method, *args, **kwargs))

    @property
    def clock(self) -> VirtualClock:
        return self._tester.clock

    @property
    def app(self) -> Motia:
        return self._tester.app

    @property
    def state(self) -> SyncState:
        """The app's state."""
        return SyncState(self._tester.state, self._run)

    @property
    def streams(self) -> SyncStreams:
        """The app's streams."""
        return SyncStreams(self._tester.streams, self._run, self._run)

    def _run(self, work: Any) -> Any:
        return self._call(_awaited, work)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return self._tester.dead_letters

    def request(self, method: str, path: str, **options: Any) -> TestResponse:
        response: TestResponse = self._call(self._tester.request, method, path, **options)
        return response

    get = functools.partialmethod(request, "GET")
    post = functools.partialmethod(request, "POST")
    put = functools.partialmethod(request, "PUT")
    patch = functools.partialmethod(request, "PATCH")
    delete = functools.partialmethod(request, "DELETE")
    head = functools.partialmethod(request, "HEAD")
    options = functools.partialmethod(request, "OPTIONS")

    def enqueue(self, topic: Any, data: Any = None, **options: Any) -> Receipt:
        receipt: Receipt = self._call(self._tester.enqueue, topic, data, **options)
        return receipt

    def invoke(self, step: StepName, input: Any = None, trigger: str | None = None) -> Any:
        return self._call(self._tester.invoke, step, input, trigger=trigger)

    def cancel(self, message_id: str) -> bool:
        return bool(self._call(self._tester.cancel, message_id))

    def redrive(self, step: StepName | None = None) -> int:
        return int(self._call(self._tester.redrive, step))

    def watch(self, topic: str) -> Watch:
        return self._tester.watch(topic)

    def fail_next(self, step: StepName, error: BaseException | type[BaseException]) -> None:
        self._tester.fail_next(step, error)

    def wait_idle(self) -> None:
        self._call(self._tester.wait_idle)

    def advance(self, delta: timedelta | None = None, /, **parts: float) -> None:
        self._call(self._tester.advance, delta, **parts)

    def wait_for_topic(self, topic: str, match: Mapping[str, Any] | None = None, *, timeout: float = 5.0) -> Any:
        return self._call(self._tester.wait_for_topic, topic, match, timeout=timeout)


async def _awaited(work: Any) -> Any:
    return await work
