"""A delivery in a worker's hands: how it is let go, and what is counted of it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

import anyio

from motia.leases import Lease, Verdict
from motia.messages import Delivery, Settlement
from motia.outcomes import timed_out
from motia.plans import Plan
from motia.tracing.meters import count_run, is_measured
from motia.worker.deaths import settled_dead

Claim = tuple[Any, int]
"""A delivery's handle, and the token of its claim."""
_log = logging.getLogger("motia.worker")


@dataclass(slots=True)
class Running:
    """A delivery in our hands.

    Attributes:
        limit: longest run in seconds.
        bounded: how many of its kind may run at once.
        since: monotonic time at which it was claimed.
        deadline: monotonic time at which its run ends; None before it starts.
        lease: tells the run, and whoever looks, why it should end.
        scope, task: of the slot that runs it.
    """

    delivery: Delivery
    limit: float
    since: float
    lease: Lease
    bounded: bool = False
    deadline: float | None = None
    scope: anyio.CancelScope | None = None
    task: asyncio.Task[None] | None = None

    @property
    def claim(self) -> Claim:
        """What the queue knows it by: a delivery that was lost may be claimed anew while its old run goes on."""
        return self.delivery.handle, self.delivery.token

    def cancel(self, verdict: Verdict) -> None:
        self.lease.verdict = verdict
        if self.scope is not None:
            self.scope.cancel()


def interrupted(running: Running, plan: Plan | None) -> Settlement | None:
    """What becomes of a delivery whose handler was cancelled, or that was never started; None: nothing, it was lost."""
    delivery, verdict = running.delivery, running.lease.verdict
    if verdict == "lost":
        _log.warning("lease_lost: delivery %s belongs to another worker; its handler was cancelled", delivery.id)
        return None
    if verdict == "timeout":
        return timed_out(plan, delivery, running.limit)
    if verdict == "cancelled":
        _log.info("delivery %s was cancelled", delivery.id)
        return Settlement(delivery.handle, delivery.token, "done")
    return Settlement(delivery.handle, delivery.token, "release")


def measure(running: Running, settlement: Settlement | None, plan: Plan | None) -> None:
    """Count a delivery that has left our hands, and tell of a dead letter.

    Args:
        settlement: what the queue is told; None: it is another worker's, or was told within a transaction.
    """
    is_dead = settlement is not None and settlement.kind == "dead"
    if not is_dead and not is_measured():
        return
    delivery = running.delivery
    step = plan.name if plan is not None else delivery.subscription.partition("#")[0]
    outcome = settlement.kind if settlement else "lost" if running.lease.verdict == "lost" else "done"
    wait = duration = None
    if running.deadline is not None:
        duration = time.monotonic() - (running.deadline - running.limit)
        wait = time.time() - duration - delivery.due
    count_run(step, outcome, wait, duration)
    if settlement is not None and is_dead:
        settled_dead(step, delivery, settlement)
