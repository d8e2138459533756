"""What waits and runs: looked at, and cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motia.errors import HttpError
from motia.messages import SubscriptionStats, Unfinished
from motia.queues.base import MAX_LISTED, UnfinishedQuery, UnfinishedState
from motia.web.operations import trace_id_of
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.failing import failure_in
from motia.web.workbench.queues import entries_of
from motia.worker.owner import in_words

STATES: Mapping[str, UnfinishedState] = {
    "ready": "ready",
    "delayed": "scheduled",
    "running": "running",
    "suspect": "suspect",
}
_ORDERS = ("oldest", "newest")


async def list_unfinished(ask: Ask) -> models.Page[models.MessageSummary]:
    """What waits or runs in a topic, those whose turn comes first; ``order=newest`` turns that around.

    Raises:
        HttpError: 422; there is no such state, or order.
    """
    name, order = ask.query.get("state", ""), ask.query.get("order", "oldest")
    if name not in STATES or order not in _ORDERS:
        states, orders = ", ".join(STATES), " or ".join(_ORDERS)
        raise HttpError(422, f"expected state of dead, {states} and order of {orders}, got {name!r} and {order!r}")
    only, limit, last = ask.query.get("step"), min(ask.limit, MAX_LISTED), order == "newest"
    entries = [entry for entry in await entries_of(ask) if only in {None, _step_of(entry.id)}]
    found: list[Unfinished] = []
    for entry in entries:
        found += await ask.queue.unfinished(UnfinishedQuery(entry.id, STATES[name], limit, last))
    found.sort(key=lambda item: _turn(name, item), reverse=last)
    rows = [_row(ask, name, item) for item in found[:limit]]
    return models.Page(rows, None, models.Total(max(len(rows), _known(name, entries, len(found) >= limit))))


def _turn(state: str, item: Unfinished) -> tuple[float, float]:
    """What is listed by; those of one consumer come in this order already."""
    if state == "delayed":
        return item.due, item.created
    return (item.crashes if state == "suspect" else -item.priority if state == "ready" else 0), item.created


def _known(state: str, entries: list[SubscriptionStats], is_full: bool) -> int:
    """How many there are by the counts, where the list may not have them all. Suspects are counted as ready."""
    if state == "delayed":
        return sum(entry.scheduled for entry in entries)
    if not is_full:
        return 0
    return sum(entry.running if state == "running" else entry.ready for entry in entries)


def _row(ask: Ask, state: Any, item: Unfinished) -> models.MessageSummary:
    plan = ask.motia.registry.plans.get(item.subscription)
    failure = failure_in(item.error or "", item.reason or "") if item.error or item.reason else None
    return models.MessageSummary(
        id=item.id,
        state=state,
        step=_step_of(item.subscription),
        topic=item.topic,
        at=int(item.created * 1000),
        run_at=int(item.due * 1000),
        attempt=item.attempt,
        max=plan.config.max_retries + 1 if plan else None,
        crashes=item.crashes,
        reason=item.reason or "",
        error=failure
        and models.Failure(failure.type, ask.curtain.text(failure.message)[:500], None, failure.fingerprint),
        trace_id=trace_id_of(item),
        group=item.group,
        size=item.size,
        preview=None if item.payload is None else ask.curtain.preview(item.payload),
        worker=None if item.owner is None else in_words(item.owner),
    )


def _step_of(subscription: str) -> str:
    return subscription.partition("#")[0]


async def cancel(ask: Ask) -> models.Done:
    """Forget messages that have not started, and ask what runs to stop; for every step that takes them.

    Raises:
        HttpError: 422; ``ids`` are not those of deliveries of this topic.
    """
    ids = ask.given("ids", list, [])
    if not ids or len(ids) > MAX_LISTED or not all(isinstance(id, str) for id in ids):
        raise HttpError(422, f"expected 'ids' to be 1 to {MAX_LISTED} texts")
    known = {entry.id for entry in await entries_of(ask)}
    messages = dict.fromkeys(id.partition(":")[0] for id in ids if id.partition(":")[2] in known)
    if not messages:
        raise HttpError(422, f"expected ids of deliveries of {ask.params['topic']!r}")
    return models.Done(sum([await ask.queue.cancel(message) for message in messages]))


ROUTES = [Route("POST", "queues/:topic/cancel", cancel, "cancel")]
