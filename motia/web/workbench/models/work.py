"""What waits, failed or is to come: queues, dead letters, schedules; and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from motia.web.workbench.models.base import Failure


@dataclass(frozen=True, slots=True)
class Policy:
    """How deliveries are tried; ``timeout`` in seconds."""

    retries: int
    backoff: str
    timeout: float
    fifo: bool
    delay_s: float
    on_dead: Literal["skip", "block"]


@dataclass(frozen=True, slots=True)
class Depth:
    """How much there is; ``blocked`` waits behind a dead letter of its group."""

    ready: int
    delayed: int
    running: int
    dead: int
    blocked: int


@dataclass(frozen=True, slots=True)
class Consumer:
    """A subscription of a step; None for ``policy`` where no step of this app has it any more."""

    step: str
    subscription: str
    concurrency: int | None
    policy: Policy | None
    depth: Depth
    paused: bool


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """A topic.

    Attributes:
        kind: ``queue`` for a topic of the app's own; else what is behind a reserved one.
        policy: of the consumers, where all have the same.
        paused: every consumer is.
    """

    topic: str
    kind: Literal["queue", "cron", "state", "stream", "direct"]
    consumers: Sequence[Consumer]
    policy: Policy | None
    depth: Depth
    oldest_ready_ms: int | None
    rate: Mapping[str, float] | None
    paused: bool


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """A dead letter, or a delivery that waits or runs.

    Attributes:
        state: ``suspect``: the worker that ran it died.
        at: when it died; of others, since when it is there.
        run_at: when it fell due, or will; None for a dead letter.
        attempt: runs so far, the present one included.
        reason, error: of a dead letter, why it died; of others, why the last attempt failed, if one did.
        size: of the payload, in bytes, or characters.
        preview: None for who sees no payloads, and for a payload that is too long to be looked at in a list.
        worker: that runs it.
    """

    id: str
    state: Literal["dead", "ready", "delayed", "running", "suspect"]
    step: str
    topic: str
    at: int
    run_at: int | None
    attempt: int
    max: int | None
    crashes: int
    reason: str
    error: Failure | None
    trace_id: str | None
    group: str | None
    size: int
    preview: str | None
    worker: str | None


@dataclass(frozen=True, slots=True)
class MessageDetail(MessageSummary):
    """A dead letter as a whole; ``editable``: it may be sent again with another payload."""

    payload: Any
    editable: bool


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    fingerprint: str
    type: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a bulk action did; ``left``: more may match than one action takes."""

    done: int
    left: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """Something was sent; what follows from it is in this trace."""

    message_id: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Fired:
    at: int
    lag_ms: int | None
    trace_id: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    id: str
    step: str
    expr: str
    tz: str
    words: str
    next: Sequence[int]
    last: Fired | None
    paused: bool
    late: bool
    overlap: str | None = None
    history: Sequence[Fired] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    scope: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Item:
    """A value of state, or an item of a stream's group.

    Attributes:
        version: its ETag without the quotes; None for who may not edit it.
        size: in a list, the length of a value that is too long for one, which has neither value nor version there.
    """

    key: str
    value: Any
    version: str | None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream; ``groups`` is how many it has, None where there are too many to be counted."""

    name: str
    groups: int | None
    schema: Any
