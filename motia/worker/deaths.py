"""Telling of dead letters: a line of the log and a count, for whoever wants to be woken by them."""

from __future__ import annotations

import logging

from motia.messages import Delivery, Settlement
from motia.tracing import traceparent_of
from motia.tracing.faults import error_line
from motia.tracing.meters import count_death

LONGEST = 500
"""Characters of the error in the line."""
_log = logging.getLogger("motia.worker")


def settled_dead(step: str, delivery: Delivery, settlement: Settlement) -> None:
    """A worker has given a delivery up."""
    why = error_line(settlement.error or "")[:LONGEST]
    _tell(step, delivery.id, settlement.reason or "failed", delivery.traceparent, why)


def lost(delivery_id: str, traceparent: str) -> None:
    """A delivery has become a dead letter since its worker died, once more."""
    step = delivery_id.partition(":")[2].partition("#")[0]
    _tell(step, delivery_id, "worker_lost", traceparent, "its worker died or lost its lease, for the last time")


def _tell(step: str, delivery_id: str, reason: str, traceparent: str, why: str) -> None:
    count_death(step, reason)
    trace = traceparent_of(traceparent)
    trace_id = trace.trace_id if trace else None
    fields = {"step": step, "trace_id": trace_id, "delivery_id": delivery_id, "reason": reason}
    _log.error("dead letter: %s, reason %s, trace %s: %s", delivery_id, reason, trace_id, why, extra={"motia": fields})
