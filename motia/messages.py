"""The values that travel: messages, deliveries and what becomes of them. Frozen, and free of behaviour."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

MAX_NAME = 1000
"""Longest group, key or dedupe key in bytes of UTF-8: two of them fit the index of every database."""
RESERVED = "$"  # a topic that begins so is the library's own
STATE_TOPIC = "$state"
STEP_TOPIC = "$step"
STREAM_TOPIC = "$stream"
RELAY_TOPIC = "$relay"
RENAMED_TOPIC = "$renamed"  # nobody sends to it: it stands where a step had another name
RELAY_WINDOW = 86_400.0
"""Seconds for which a queue knows the messages that came from an outbox."""

State = Literal["ready", "scheduled", "suspect", "running", "dead"]
Reason = Literal["failed", "worker_lost", "timeout", "schema", "unknown_step", "too_large", "undecodable", "discarded"]


def is_name(value: object) -> bool:
    """Whether a value can be a group or a key: text without NUL, at most ``MAX_NAME`` bytes long."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    try:
        return len(value.encode()) <= MAX_NAME
    except UnicodeEncodeError:  # a lone surrogate
        return False


def new_id() -> str:
    """A UUID version 7 (RFC 9562) as text: sorts by the time it was made, to the millisecond."""
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Message(NamedTuple):
    """Something to be delivered once to every subscription of its topic.

    Attributes:
        id: made by the sender, so that sending again after an unclear failure changes nothing.
        payload: JSON text.
        traceparent: the trace it belongs to, as the W3C header of that name.
        key: dedupe key; a second message of one topic with this key, within ``dedupe_window`` seconds, is not stored.
        group: the group within which fifo subscriptions keep order.
        priority: higher is sooner, within one subscription.
        delay: seconds from now until it is due; added to the subscription's own delay.
        at: wall time in seconds since the epoch at which it is due; wins over ``delay``.
        scope: ``(group, key)`` that filtered subscriptions (state and stream triggers) are matched against.
        relayed: it comes from an outbox and may come again: within ``RELAY_WINDOW`` seconds its id is published once,
            even when its deliveries are finished.
    """

    id: str
    topic: str
    payload: str
    traceparent: str = ""
    key: str | None = None
    dedupe_window: float = 86_400.0
    group: str | None = None
    priority: int = 0
    delay: float = 0.0
    at: float | None = None
    scope: tuple[str | None, str | None] = (None, None)
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What ``enqueue`` returns. As JSON it is an object; ``message_id, duplicate = receipt`` takes it apart.

    Attributes:
        message_id: the id of the message, or of the earlier one it duplicates.
        duplicate: the dedupe key was seen before; nothing was stored.
    """

    message_id: str
    duplicate: bool = False

    def __iter__(self) -> Iterator[str | bool]:
        yield self.message_id
        yield self.duplicate


@dataclass(frozen=True, slots=True)
class Subscription:
    """A standing wish: every message of ``topic`` becomes a delivery for ``id``.

    Attributes:
        id: the name of the step, with the trigger it belongs to.
        group: only messages whose scope has this group; None for all.
        key: only messages whose scope has this key; None for all.
        fifo: deliveries of one group run one at a time, in order; without a group the whole subscription is one.
        delay: seconds added to every message.
        concurrency: deliveries running at once over all workers; None for no bound.
        timeout: longest run of a handler in seconds.
        blocks: a dead letter of a fifo subscription holds back the later ones of its group.
    """

    id: str
    topic: str
    step: str
    group: str | None = None
    key: str | None = None
    fifo: bool = False
    delay: float = 0.0
    concurrency: int | None = None
    timeout: float = 900.0
    blocks: bool = False


class Delivery(NamedTuple):
    """One message on its way to one subscription, as a worker holds it.

    Attributes:
        handle: what the backend knows it by.
        token: the fencing token; grows with every claim, and every later word about the delivery must carry it.
        attempt: 1 for the first run; grows with every claim, a graceful hand-back takes it back.
        crashes: how often a worker died or lost its lease while it held this.
        due: wall time at which it became due.
        parked: wall time at which it was first parked; None if it never was.
    """

    handle: Any
    message_id: str
    subscription: str
    topic: str
    payload: str
    traceparent: str
    token: int
    attempt: int
    crashes: int
    due: float
    created: float
    group: str | None = None
    parked: float | None = None

    @property
    def id(self) -> str:
        """Stable over all attempts and redrives."""
        return f"{self.message_id}:{self.subscription}"


class Settlement(NamedTuple):
    """A worker's word about a delivery it holds; without effect when its token is no longer the newest.

    ``done`` forgets it. ``retry`` makes it due again in ``delay`` seconds. ``dead`` keeps it as a dead letter.
    ``release`` hands it back with its attempt not counted. ``park`` does the same, due again in ``delay`` seconds.
    """

    handle: Any
    token: int
    kind: Literal["done", "retry", "dead", "release", "park"]
    delay: float = 0.0
    reason: str | None = None
    error: str | None = None


class Exchange(NamedTuple):
    """What one turn with the backend brought.

    Attributes:
        settled: for each settlement, in order, whether it took effect. False: the lease was lost.
        deliveries: newly claimed.
        next_due: seconds until the next scheduled delivery falls due; None when nothing is scheduled.
        more: there is more to claim, though less was claimed than was demanded.
    """

    settled: list[bool]
    deliveries: list[Delivery]
    next_due: float | None
    more: bool = False


class Held(NamedTuple):
    """A delivery that a beat found in the owner's hands."""

    handle: Any
    token: int
    cancel_requested: bool
    overdue: float


class Unfinished(NamedTuple):
    """A delivery that waits or runs, as somebody sees it who does not hold it. Times are seconds since the epoch.

    Attributes:
        payload: None where it is longer than one is shown; see ``motia.queues.base``.
        size: of the payload, in characters or in bytes.
        attempt: claims so far; those that were handed back are not counted.
        due: when it fell due, or will.
        group: of a fifo subscription; None elsewhere.
        owner: who holds it, while it runs.
        reason, error: what became of its last attempt, if there was one that failed.
    """

    message_id: str
    subscription: str
    topic: str
    payload: str | None
    size: int
    traceparent: str
    attempt: int
    crashes: int
    due: float
    created: float
    group: str | None
    priority: int
    owner: str | None
    reason: str | None
    error: str | None

    @property
    def id(self) -> str:
        """Stable over all attempts and redrives."""
        return f"{self.message_id}:{self.subscription}"


class DeadLetter(NamedTuple):
    """A delivery that will not be tried again unless somebody redrives it. Times are seconds since the epoch."""

    id: str
    subscription: str
    topic: str
    attempts: int
    crashes: int
    reason: str
    error: str | None
    payload: str
    traceparent: str
    dead_at: float

    @property
    def step(self) -> str:
        """The step it was for."""
        return self.subscription.partition("#")[0]


class SubscriptionStats(NamedTuple):
    """How many deliveries of one subscription are in each state; ``blocked`` wait behind a dead letter."""

    id: str
    topic: str
    step: str
    ready: int
    scheduled: int
    running: int
    dead: int
    paused: bool
    blocked: int = 0


class ScheduleState(NamedTuple):
    """What the backend remembers of a cron schedule. ``last_tick`` is in seconds since the epoch."""

    last_tick: float
    paused: bool
