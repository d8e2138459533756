"""What a run leaves behind for the Workbench: plain values, made without a backend. Times are microseconds.

A span is one run of a step. It is recorded twice, when it starts and when it has ended; the second record takes the
place of the first. An event is one thing that happened within a run, recorded once. A trace is all spans of one trace
id, in however many processes they ran: the ``enqueue`` event of a producer and the span of its consumer name the same
message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["http", "queue", "cron", "state", "stream", "invoke"]
Status = Literal["running", "ok", "skipped", "retry", "error", "discarded", "cancelled", "parked", "released"]
"""How a run stands.

``skipped``: its condition was not met. ``retry``: it failed and will be tried again. ``error``: it failed for good.
``discarded``: its handler gave the message up. ``cancelled``: somebody cancelled the message. ``parked``: this code
cannot run it, so it waits for a worker that can. ``released``: it was handed back, to be run by another worker.
"""
EventType = Literal["log", "enqueue", "state", "stream", "http"]


class ErrorRecord(NamedTuple):
    """What was raised: the name of its class, its text, and its traceback; secrets are hidden."""

    type: str
    message: str
    stack: str = ""


class SpanRecord(NamedTuple):
    """One run of a step.

    Attributes:
        parent_id: the span that caused it, here or in another process; it need not be recorded.
        kind: the trigger, or ``invoke`` for ``ctx.invoke``.
        name: what set it off: ``POST /orders``, a topic, a cron expression.
        attempt: 1 for the first of ``max_attempts``.
        start_us: since the epoch.
        duration_us: None while it runs.
        wait_us: from when its message was due until it started; None for what does not wait.
        input, output: JSON text, redacted and of at most 16 KiB; None where there is none.
        message_id: of the message that it consumes.
        topic: that the message was sent to.
        attrs: what else is known, such as ``http.status``.
        seq: its place among all records of the store; 0 until it is stored.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    step: str
    kind: Kind
    name: str
    flows: tuple[str, ...]
    attempt: int
    max_attempts: int
    start_us: int
    duration_us: int | None
    wait_us: int | None
    status: Status
    input: str | None = None
    output: str | None = None
    error: ErrorRecord | None = None
    message_id: str | None = None
    topic: str | None = None
    attrs: Mapping[str, Any] = {}
    seq: int = 0


class EventRecord(NamedTuple):
    """Something that happened within a run.

    Attributes:
        step: whose run it was.
        at_us: since the epoch.
        level: of a ``log``: ``debug``, ``info``, ``warning``, ``error`` or ``critical``; None for others.
        message: of a ``log``.
        op: what was done: ``set``, ``update``, ``delete``, ``clear``, ``send``, ``enqueue``.
        target: of ``enqueue`` the topic; of a change ``group/key``, or ``stream/group/id``.
        before, after: of a change, as JSON text like a span's input; of ``enqueue`` the payload is ``after``.
        fields: what the line carries; of ``enqueue`` the ``message_id``, and ``delay``, ``group``, ``key`` if given.
        seq: as that of a span.
    """

    trace_id: str
    span_id: str
    at_us: int
    type: EventType
    step: str = ""
    level: str | None = None
    message: str | None = None
    op: str | None = None
    target: str | None = None
    before: str | None = None
    after: str | None = None
    fields: Mapping[str, Any] = {}
    seq: int = 0


Record = SpanRecord | EventRecord
