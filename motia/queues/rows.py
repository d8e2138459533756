"""Rows and parameters of the SQL queue, from the values that travel and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from motia.databases.base import Row
from motia.messages import Delivery, Message, Settlement, Subscription, SubscriptionStats
from motia.queues.base import DeadQuery

EVERYTHING = 2**62


def sorted_deliveries(rows: list[Row]) -> list[Delivery]:
    """The deliveries of a claim, in the order in which they should start: ``RETURNING`` promises none."""
    if len(rows) > 1:
        rows.sort(key=lambda row: (-row[13], row[0]))
    return [Delivery._make(row[:13]) for row in rows]


def subscription_of(row: tuple[Any, ...]) -> Subscription:
    id, topic, step, group, key, fifo, delay, concurrency, timeout, blocks = row
    return Subscription(id, topic, step, group, key, bool(fifo), delay, concurrency, timeout, bool(blocks))


def subscription_params(item: Subscription) -> dict[str, Any]:
    return {
        "id": item.id,
        "topic": item.topic,
        "step": item.step,
        "scope_group": item.group,
        "scope_key": item.key,
        "fifo": int(item.fifo),
        "delay": item.delay,
        "concurrency": item.concurrency,
        "timeout": item.timeout,
        "blocks": int(item.blocks),
    }


def message_params(message: Message, now: float) -> dict[str, Any]:
    return {
        "id": message.id,
        "topic": message.topic,
        "payload": message.payload,
        "traceparent": message.traceparent,
        "priority": message.priority,
        "group": message.group,
        "at": message.at,
        "delay": message.delay,
        "scope_group": message.scope[0],
        "scope_key": message.scope[1],
        "now": now,
    }


def settlement_params(item: Settlement, now: float) -> dict[str, Any]:
    if item.kind == "done":
        return {"handle": item.handle, "token": item.token}
    return {
        "handle": item.handle,
        "token": item.token,
        "delay": item.delay,
        "reason": item.reason,
        "error": item.error,
        "now": now,
    }


def dead_params(query: DeadQuery) -> dict[str, Any]:
    return {
        "all_ids": int(query.ids is None),
        "ids": json.dumps(list(query.ids or ())),
        "all_steps": int(query.step is None),
        "step": query.step or "",
        "limit": EVERYTHING if query.limit is None else query.limit,
    }


def stats_of(rows: Sequence[Row]) -> list[SubscriptionStats]:
    """The counts of each subscription, from one row for each of its states."""
    found: dict[str, dict[str, Any]] = {}
    for id, topic, step, paused, state, count in rows:
        entry = found.setdefault(id, {"topic": topic, "step": step, "paused": bool(paused)})
        shown = "ready" if state in {"suspect", None} else state
        entry[shown] = entry.get(shown, 0) + count
    return [_counted(id, entry) for id, entry in sorted(found.items())]


def _counted(id: str, entry: dict[str, Any]) -> SubscriptionStats:
    counts = {state: entry.get(state, 0) for state in ("ready", "scheduled", "running", "dead", "blocked")}
    counts["ready"] -= counts["blocked"]
    return SubscriptionStats(id=id, topic=entry["topic"], step=entry["step"], paused=entry["paused"], **counts)


def seconds_left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until)
