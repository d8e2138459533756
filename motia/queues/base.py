"""The contract of a queue.

A message is stored once for every subscription that wants it, as a *delivery* with its own attempts, lease and dead
letter: a failing subscriber never makes another one run again. Subscriptions are held by the backend, so a producer
needs no knowledge of its consumers and a message sent before the first worker starts is kept for it.

A delivery is in one state at a time::

                  publish                          claim                settle done
    (nothing) ───────────────► ready / scheduled ────────► running ────────────────► (forgotten)
                                 ▲       ▲                 │  │  │
                                 │       └── retry(delay) ─┘  │  └─ dead ──► dead ── redrive ──► ready
                                 │            release, park   │
                                 └─ suspect ◄── lease lost ───┘      three crashes: dead, ``worker_lost``

Rules that every backend keeps, and the conformance suite proves:

* A claim grows ``token`` and ``attempt`` by one. Every later word about the delivery carries the token, and has no
  effect once another claim has been made: a worker that outslept its lease cannot acknowledge.
* Leases, due times and dedupe windows are measured by the backend's own clock, never by a worker's.
* ``done`` is reached once. Tokens only grow. Of one fifo group of one subscription at most one is running.
* Where a subscription ``blocks``, nothing of a fifo group is claimed while an earlier one of it is dead, whenever it
  died. Redriven, that one comes first.
* A delivery whose worker died is ``suspect``: it is claimed apart from the others, so that a job which kills its
  process does not take its neighbours with it. The third crash makes it a dead letter.
* Whatever was published is there after the death of any process. (``durable`` is False for the memory backend.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from motia.databases.base import Connection
from motia.messages import (
    DeadLetter,
    Exchange,
    Held,
    Message,
    Receipt,
    ScheduleState,
    Settlement,
    Subscription,
    SubscriptionStats,
    Unfinished,
)

MAX_LISTED = 200
"""Unfinished deliveries that one look shows."""
MAX_SHOWN = 16 * 1024
"""Characters, or bytes, of a payload that is shown with them."""
MAX_LOOKED = 10_000
"""Scheduled deliveries, of all subscriptions, that one look goes through."""
UnfinishedState = Literal["ready", "scheduled", "running", "suspect"]
Died = Callable[[str, str], None]
"""Is told the id of a delivery, and its traceparent."""


def unheard(delivery_id: str, traceparent: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; checked when the app opens, not when it is first needed.

    Attributes:
        durable: messages survive the death of the process.
        transactional: ``publish`` can join a transaction of the caller.
        blocking: there is a driver for code without an event loop.
        remote: the backend is a server, which may be away while we are not.
    """

    durable: bool = True
    transactional: bool = True
    blocking: bool = True
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """What a worker wants to claim.

    Attributes:
        owner: who holds the lease; see ``motia.worker.owner``.
        limit: at most this many, never more than there are free slots.
        subscriptions: only from these.
        lease: seconds until the claim lapses unless it is renewed by ``beat``.
        suspects: claim deliveries whose worker died, instead of the others.
    """

    owner: str
    limit: int
    subscriptions: Collection[str]
    lease: float = 30.0
    suspects: bool = False


@dataclass(frozen=True, slots=True)
class DeadQuery:
    """Which dead letters. All given conditions must hold; none given means all.

    Attributes:
        ids: delivery ids.
        step: all of one step.
        limit: at most this many, newest first.
    """

    ids: Sequence[str] | None = None
    step: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class UnfinishedQuery:
    """Which unfinished deliveries.

    Attributes:
        subscription: only its own.
        state: as they are in by the picture above; ``suspect`` is apart from ``ready`` here.
        limit: at most this many, and never more than ``MAX_LISTED``.
        last: those whose turn comes last, the last one first; otherwise those whose turn comes first.
    """

    subscription: str
    state: UnfinishedState
    limit: int = 50
    last: bool = False


class Queue(Protocol):
    """A queue. All methods raise ``QueueUnavailable`` when the backend does not answer in time."""

    capabilities: Capabilities

    async def migrate(self) -> None:
        """Create what is missing. Safe when many processes do it at once, and while workers run."""
        ...

    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        """Write the subscriptions of ``steps``, and forget those of these steps that are no longer declared.

        Deliveries that already wait for a forgotten subscription stay where they are.
        """
        ...

    async def subscribers(self, topic: str) -> int:
        """How many subscriptions a topic has."""
        ...

    async def publish(self, messages: Sequence[Message], *, via: Connection | None = None) -> list[Receipt]:
        """Store a delivery of each message for each of its subscriptions, all or none.

        Sending a message again with the same id changes nothing while its deliveries are unfinished.

        Args:
            via: a connection in a transaction of the caller, which these rows commit and roll back with.
        """
        ...

    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        """One turn of a worker: say what became of earlier deliveries, and claim new ones, in one transaction."""
        ...

    async def settle(self, settlement: Settlement, *, via: Connection) -> bool:
        """Settle one delivery inside a transaction of the caller; False when the lease was lost."""
        ...

    def listen(self, notify: Callable[[], None], *, suspects: bool = False) -> AbstractContextManager[None]:
        """Have ``notify`` called on the running loop when there may be something to claim. A hint.

        Args:
            suspects: of deliveries whose worker died, instead of the others; who cannot tell them apart, tells of all.
        """
        ...

    async def beat(self, owner: str, lease: float) -> list[Held]:
        """Renew every lease of ``owner``; what it still holds, and what it should give up."""
        ...

    async def owners(self) -> list[str]:
        """Everybody who holds a lease."""
        ...

    async def reap(self, died: Died = unheard) -> int:
        """Take back deliveries whose lease has lapsed, as crashes; how many.

        Args:
            died: told of each that has become a dead letter by it.
        """
        ...

    async def suspects(self, of: Collection[str] | None = None) -> int:
        """How many deliveries whose worker died can be claimed; those of a paused step cannot.

        Args:
            of: only of these subscriptions.
        """
        ...

    async def abandon(self, owner: str, died: Died = unheard) -> int:
        """Take back everything that ``owner``, who is known to be dead, held, as crashes; how many. See ``reap``."""
        ...

    async def cancel(self, message_id: str) -> bool:
        """Forget what has not started, and ask what runs to stop; whether there was anything.

        A running delivery learns of it with its next beat. If its ``done`` comes first, it is done.
        """
        ...

    async def unfinished(self, query: UnfinishedQuery) -> list[Unfinished]:
        """Deliveries that wait or run, in the order in which their turn comes, or came. Cheap, however many there are.

        The turn of ready ones comes by priority and then by age, that of scheduled ones when they are due, that of
        suspects by their crashes; what runs is listed by age. Of scheduled ones ``MAX_LOOKED`` of all subscriptions
        are looked at, so it may be that one which is far from its turn is not found. A backend that keeps those of a
        fifo group behind its first tells of these behind the first ones, as ready.
        """
        ...

    async def dead(self, query: DeadQuery) -> list[DeadLetter]:
        """Dead letters, newest first."""
        ...

    async def redrive(self, query: DeadQuery) -> int:
        """Make dead letters ready again, attempts and crashes back at 0, ids and payloads kept; how many."""
        ...

    async def discard(self, query: DeadQuery) -> int:
        """Forget dead letters; how many."""
        ...

    async def pause(self, step: str, paused: bool) -> int:
        """Stop or resume claiming for a step; what runs goes on. How many subscriptions it has."""
        ...

    async def stats(self) -> list[SubscriptionStats]:
        """Counts for each subscription, and for each that has deliveries but is no longer declared."""
        ...

    async def tick(self, schedule: str, moment: float, messages: Sequence[Message]) -> bool:
        """Publish the firing of a schedule once, however many workers try.

        Args:
            moment: the scheduled time in seconds since the epoch; must be later than the last one.
            messages: published in the same transaction; none records the moment only.

        Returns:
            False when this moment, or a later one, was recorded before, or the schedule is paused.
        """
        ...

    async def schedules(self) -> dict[str, ScheduleState]:
        """The last recorded moment of every schedule, and whether it is paused."""
        ...

    async def pause_schedule(self, schedule: str, paused: bool, now: float) -> None:
        """Stop or resume a schedule. Moments that pass meanwhile are not made up for."""
        ...

    async def prune(self, dead_for: float) -> int:
        """Forget dedupe keys past their window and dead letters older than ``dead_for`` seconds; how many of these."""
        ...

    async def check(self) -> None:
        """Return where messages can be sent now; leaves nothing behind.

        Raises:
            StorageError: the backend answers, and takes no writes.
        """
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...
