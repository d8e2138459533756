"""From what was sent to the input of a step: payloads of deliveries, and what ``invoke`` and ``step.enqueue`` give."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from motia.clock import Clock
from motia.codec import loads
from motia.errors import ValidationFailed
from motia.inputs import Record, StateTriggerInput, StreamTriggerInput, TriggerInfo
from motia.messages import STEP_TOPIC, Delivery
from motia.plans import Plan
from motia.requests import ApiRequest, QueryParams


class Unreadable(Exception):  # the dispatcher makes a dead letter of it
    """A payload that no worker will ever make sense of."""


def read(plan: Plan, delivery: Delivery, clock: Clock) -> tuple[Any, TriggerInfo]:
    """The handler's input, and what ``ctx.trigger`` says.

    Raises:
        Unreadable: the payload is damaged.
        ValidationFailed: it does not fit the schema that this code has.
    """
    kind = plan.info.type
    if kind == "queue" and plan.schema is not None:
        try:
            what = f"a message of {delivery.topic!r} for step {plan.name!r}"
            return plan.schema.from_json(delivery.payload, what), plan.info
        except ValidationFailed as error:
            if error.malformed:
                raise Unreadable(str(error)) from error
            raise
    try:
        data = loads(delivery.payload)
    except ValueError as error:
        raise Unreadable(f"the payload is not JSON: {error}") from error
    if delivery.topic.startswith(STEP_TOPIC):
        return given(plan, data), plan.info
    try:
        return _READERS.get(kind, _as_it_is)(plan, data, clock)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"the payload is not that of a {kind} trigger: {type(error).__name__}: {error}") from error


def given(plan: Plan, data: Any) -> Any:
    """The input of a step that was given ``data`` by ``invoke`` or ``step.enqueue``, and not by its trigger."""
    kind = plan.info.type
    if kind == "http":
        return _request(plan, data)
    if kind in _EVENTS:
        return _EVENTS[kind].of(data) or data
    return None if kind == "cron" else data


def _as_it_is(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    return data, plan.info


def _tick(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    return None, TriggerInfo(
        "cron",
        plan.index,
        expression=plan.info.expression,
        scheduled_time=datetime.fromtimestamp(data["scheduled_time"], UTC),
        actual_time=datetime.fromtimestamp(clock.now(), UTC),
        missed=data.get("missed", 0),
    )


def _change(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    return StateTriggerInput(**data), TriggerInfo("state", plan.index, group_id=data["group_id"])


def _stream_change(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    change = StreamTriggerInput.of_wire(data)
    return change, replace(plan.info, group_id=change.group_id)


_EVENTS: dict[str, type[Record]] = {"state": StateTriggerInput, "stream": StreamTriggerInput}
_READERS = {"cron": _tick, "state": _change, "stream": _stream_change}


def _request(plan: Plan, value: Any) -> ApiRequest[Any]:
    if isinstance(value, ApiRequest):
        request = copy(value)
    else:
        request = ApiRequest.read(value)
        request.method, request.path = plan.info.method or "GET", plan.info.path or "/"
    if plan.schema is not None:
        request.body = plan.schema.from_python(request.body, f"the body for step {plan.name!r}")
    if plan.query is not None:
        query = request.query_params
        values = query.shaped(plan.query.lists) if isinstance(query, QueryParams) else query
        request.query_params = plan.query.from_python(values, f"the query for step {plan.name!r}")
    return request
