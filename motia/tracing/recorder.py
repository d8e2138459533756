"""The recorder: keeps records for a moment and has them written, many at once, by a thread of its own.

Recording must never be felt. Whoever records waits for nothing and is told of nothing: what cannot be written is kept
while there is room for it, and then left out and counted. The thread starts with the first record and ends when there
has been none for a minute.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import anyio.to_thread

from motia.clock import Clock
from motia.concurrency import Echo, drive
from motia.current import running
from motia.errors import QueueUnavailable, StorageError
from motia.tracing.faults import error_record
from motia.tracing.records import ErrorRecord, EventRecord, EventType, Record, SpanRecord, Status
from motia.tracing.snapshots import cut, shown, snapshot

MAX_RECORDS = 20_000
MAX_CHARACTERS = 32 * 1024 * 1024
"""What waits to be written, at most: so many records, and so many characters of them."""
GATHER = 0.25
"""Seconds between two batches."""
BATCH = 250
RETRY = 2.0
"""Seconds before a store that did not answer is tried again."""
CLOSING = 2.0
"""Seconds that the end of an app waits for the last batch."""
TOLD_EVERY = 60.0
"""Seconds between two warnings, and between two looks for what is too old."""
SMALL = 4 * 1024
"""Bytes that are kept of a payload that the consumer's span has whole, and of the fields of a log line."""
MAX_LINE = 8 * 1024
_log = logging.getLogger("motia.traces")
_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Store(Protocol):
    """Where records go, over a driver that blocks; see ``motia.traces.base.TraceStore``."""

    async def append(self, records: Sequence[Record], /) -> None: ...


class Recorder:
    """Records the runs of one open app.

    Attributes:
        dropped: records that were left out so far.

    Args:
        store: where the records go; its methods never suspend.
        clock: what the time is.
        tidy: called now and then on the thread that writes, to forget what is too old.
    """

    def __init__(self, store: Store, clock: Clock, tidy: Callable[[], None] | None = None) -> None:
        self.dropped = 0
        self._store = store
        self._clock = clock
        self._tidy = tidy
        self._reset()
        _recorders.add(self)

    def _reset(self) -> None:
        self._echo = Echo(self.flush, GATHER)
        self._waiting: deque[Record] = deque()
        self._unsure: list[Record] = []
        self._characters = 0
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._closed = False
        self._again = self._told = 0.0
        self._tidied = time.monotonic()

    def now_us(self) -> int:
        """The time in microseconds since the epoch."""
        return int(self._clock.now() * 1e6)

    def begin(self, span: SpanRecord) -> Recording:
        """Record that a run has started."""
        self.put(span)
        return Recording(self, span)

    def put(self, record: Record) -> None:
        """Have a record written soon. Waits for nothing, and raises nothing."""
        size = _size(record)
        with self._lock:
            if len(self._waiting) >= MAX_RECORDS or self._characters + size > MAX_CHARACTERS:
                self.dropped += 1
            else:
                self._waiting.append(record)
                self._characters += size
        if not self._closed:
            self._echo.ask()

    def flush(self) -> None:
        """Write what waits. A store that does not answer is asked again later."""
        with self._writing:
            if time.monotonic() < self._again:
                self._echo.ask()
                return
            while not self._closed and (batch := self._unsure or self._take()):
                if not self._write(batch):
                    return
            self._look_around()

    def _take(self) -> list[Record]:
        """The next records, of each span only the newest: most runs end before anything is written of them."""
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        size = sum(map(_size, taken))
        with self._lock:
            self._characters -= size
        newest = {item.span_id: item for item in taken if isinstance(item, SpanRecord)}
        return [item for item in taken if not isinstance(item, SpanRecord) or newest[item.span_id] is item]

    def _write(self, batch: list[Record]) -> bool:
        """Whether there is reason to go on."""
        try:
            drive(self._store.append(batch))
        except (QueueUnavailable, StorageError) as error:
            self._unsure = batch
            self._again = time.monotonic() + RETRY
            self._tell("runs cannot be recorded for the moment: %s", error)
            self._echo.ask()
            return False
        except Exception as error:  # whatever it is, it must neither end this thread nor come again with this batch
            self.dropped += len(batch)
            self._tell("%d records of runs are lost: %s", len(batch), error)
        self._unsure = []
        return True

    def _tell(self, message: str, *args: Any) -> None:
        if time.monotonic() - self._told >= TOLD_EVERY or not self._told:
            self._told = time.monotonic()
            _log.warning(message, *args)

    def _look_around(self) -> None:
        if self._tidy is None or time.monotonic() - self._tidied < TOLD_EVERY:
            return
        self._tidied = time.monotonic()
        try:
            self._tidy()
        except Exception as error:
            self._tell("old traces cannot be forgotten for the moment: %s", error)

    async def close(self) -> None:
        """Write what waits, for a moment at most."""
        with anyio.move_on_after(CLOSING):
            await anyio.to_thread.run_sync(self._last, abandon_on_cancel=True)
        self._closed = True

    def _last(self) -> None:
        self._again = 0.0
        self.flush()

    def forget(self) -> None:
        """In a forked child: what waits is the parent's to write."""
        self._reset()


class Recording:
    """One run that is being recorded.

    Attributes:
        span_id: under which it is.
        error: what it raised.
        output: what it returned.
        skipped: its condition was not met.
    """

    __slots__ = ("_began", "_ended", "_recorder", "_span", "error", "output", "skipped")

    def __init__(self, recorder: Recorder, span: SpanRecord) -> None:
        self._recorder = recorder
        self._span = self._ended = span
        self._began = time.perf_counter_ns()
        self.error: BaseException | ErrorRecord | None = None
        self.output: Any = None
        self.skipped = False

    @property
    def span_id(self) -> str:
        return self._span.span_id

    def end(self, status: Status, attrs: Mapping[str, Any] | None = None) -> None:
        """Record how it ended."""
        self._ended = self._span._replace(
            duration_us=(time.perf_counter_ns() - self._began) // 1000,
            status=status,
            output=None if self.output is None else look(self.output),
            error=error_record(self.error) if isinstance(self.error, BaseException) else self.error,
            attrs={**self._span.attrs, **(attrs or {})},
        )
        self._recorder.put(self._ended)

    def prolong(self) -> None:
        """Record that it has ended only now, as an answer does that is streamed."""
        self._recorder.put(self._ended._replace(duration_us=(time.perf_counter_ns() - self._began) // 1000))

    def log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """Record a line that the run has logged."""
        line = EventRecord(
            self._span.trace_id, self._span.span_id, self._recorder.now_us(), "log", self._span.step,
            level, cut(message, MAX_LINE), fields=_fields(fields),
        )  # fmt: skip
        self._recorder.put(line)

    def event(
        self,
        type: EventType,
        op: str,
        target: str,
        *,
        before: Any = None,
        after: Any = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Record something that the run has done; ``before`` and ``after`` are values, None for none."""
        limit = SMALL if type == "enqueue" else None
        self._recorder.put(
            EventRecord(
                self._span.trace_id,
                self._span.span_id,
                self._recorder.now_us(),
                type,
                self._span.step,
                op=op,
                target=cut(target, MAX_LINE),
                before=None if before is None else look(before, limit),
                after=None if after is None else look(after, limit),
                fields=_fields(fields),
            )
        )


def recording() -> Recording | None:
    """That of the running step; None where nothing runs, or nothing is recorded."""
    run = running.get()
    found: Recording | None = None if run is None else run.recording
    return found


def look(value: Any, limit: int | None = None) -> str:
    """A value as JSON text; where it cannot be looked at, why."""
    try:
        return snapshot(value) if limit is None else snapshot(value, limit)
    except Exception as error:  # properties of the user's own objects may raise anything
        return f'"<{type(value).__name__}: {type(error).__name__}>"'


def _fields(fields: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not fields:
        return {}
    try:
        found: Mapping[str, Any] = shown(fields, SMALL)
    except Exception as error:
        return {"unreadable": type(error).__name__}
    return found


def _size(record: Record) -> int:
    """Characters, about."""
    if isinstance(record, SpanRecord):
        stack = 0 if record.error is None else len(record.error.stack)
        return 400 + len(record.input or "") + len(record.output or "") + stack
    return 300 + len(record.before or "") + len(record.after or "") + len(record.message or "")


def _forget_after_fork() -> None:
    for recorder in list(_recorders):
        recorder.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
