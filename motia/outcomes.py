"""What becomes of a delivery: done, again later, a dead letter, or back to whoever comes."""

from __future__ import annotations

import logging
import random
from typing import Any

from motia.errors import Decision, Discard, LeaseLost, QueueUnavailable, Retry, StorageError
from motia.messages import Delivery, Reason, Settlement
from motia.plans import Plan
from motia.policies import MAX_ERROR_TEXT, PARK_DELAY, PARK_LIMIT
from motia.queues.outbox import Outbox
from motia.redaction import redact_text
from motia.runs import Run
from motia.tracing.faults import error_text, raised

_log = logging.getLogger("motia.worker")
_spread = random.Random()  # noqa: S311  # spreads retries


async def known(outbox: Outbox, delivery: Delivery) -> Settlement | None:
    """What becomes of a delivery that was claimed before, if an earlier run has committed and died untold."""
    try:
        return settled(delivery, "done") if await outbox.is_settled(delivery) else None
    except (QueueUnavailable, StorageError) as error:
        _log.warning("delivery %s is handed back: whether it was done cannot be told: %s", delivery.id, error)
        return settled(delivery, "release")


def timed_out(plan: Plan | None, delivery: Delivery, seconds: float) -> Settlement:
    """What becomes of a delivery whose handler ran too long."""
    error = f"the handler ran longer than {seconds:g} s and was cancelled"
    if plan is None or delivery.attempt > plan.config.max_retries:
        return settled(delivery, "dead", reason="timeout", error=error)
    return settled(delivery, "retry", plan.backoff.delay(delivery.attempt, _spread), "timeout", error)


def outcome(plan: Plan, delivery: Delivery, run: Run, error: BaseException) -> Settlement:
    """What becomes of a delivery whose run ended with an error; handed back where it was told to end."""
    told = run.lease is not None and run.lease.verdict is not None
    if told or isinstance(error, LeaseLost):
        _log.info("step %r ended %s early: %s", plan.name, delivery.id, error, extra={"motia": run.fields})
        return settled(delivery, "release")
    return failed(plan, delivery, run, error)


def failed(plan: Plan, delivery: Delivery, run: Run, error: BaseException) -> Settlement:
    """What becomes of a delivery whose step failed, or decided by its error."""
    text = error_text(error, MAX_ERROR_TEXT)
    last = delivery.attempt > plan.config.max_retries
    if isinstance(error, Discard):
        _log.warning("step %r discards %s: %s", plan.name, delivery.id, error, extra={"motia": run.fields})
        return settled(delivery, "dead", reason="discarded", error=str(error))
    if isinstance(error, Decision):
        _log.info("step %r asks to retry %s: %s", plan.name, delivery.id, error, extra={"motia": run.fields})
    else:
        verdict = "no retry is left" if last else "it will be retried"
        _log.error(
            "step %r failed, attempt %d: %s", plan.name, delivery.attempt, verdict, exc_info=raised(error),
            extra={"motia": run.fields},
        )  # fmt: skip
    if last:
        return settled(delivery, "dead", reason="failed", error=text)
    after = error.after if isinstance(error, Retry) else None
    delay = plan.backoff.delay(delivery.attempt, _spread) if after is None else max(0.0, after)
    return settled(delivery, "retry", delay, "failed", text)


def parked(delivery: Delivery, reason: Reason, error: str) -> Settlement:
    """Wait for a worker with newer or older code, for a while; a deploy in progress loses nothing."""
    waited = 0.0 if delivery.parked is None else delivery.due - delivery.parked
    if waited >= PARK_LIMIT:
        return settled(delivery, "dead", reason=reason, error=error)
    _log.warning("%s waits %g s for another worker: %s", delivery.id, PARK_DELAY, error)
    return settled(delivery, "park", PARK_DELAY, reason, error)


def settled(
    delivery: Delivery, kind: Any, delay: float = 0.0, reason: Reason | None = None, error: str | None = None
) -> Settlement:
    """A word about a delivery, without secrets."""
    return Settlement(delivery.handle, delivery.token, kind, delay, reason, error and redact_text(error))
