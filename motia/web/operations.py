"""What operators do with an app, for the command line and the Workbench: schedules, dead letters, sending to a step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from motia.app import Motia
from motia.codec import dumps, loads
from motia.errors import ConfigError, did_you_mean
from motia.messages import STEP_TOPIC, DeadLetter, Message, Receipt, Unfinished, new_id
from motia.schedules import Schedule
from motia.tracing import Trace, new_trace, traceparent_of

LATE = 60.0
"""Seconds after which a tick that has not been recorded is late."""
_NEARLY = 0.001
"""Seconds; backends keep moments to the microsecond, or nearly."""


class ScheduleFacts(NamedTuple):
    """A cron trigger of the app, and what the backend remembers of it.

    Attributes:
        last: when it last fired, if that is known.
        next: the next ones, at most as many as were asked for.
        late: a tick has passed that nobody recorded.
    """

    id: str
    step: str
    schedule: Schedule
    last: datetime | None
    next: Sequence[datetime]
    paused: bool
    late: bool


async def schedules_of(motia: Motia, ahead: int = 1) -> list[ScheduleFacts]:
    """Every schedule of an open app.

    Args:
        ahead: how many of the next ticks are wanted.
    """
    states = await motia.running.backend.working.queue.schedules()
    now = motia.running.clock.now()
    rows = []
    for id, plan in motia.registry.schedules.items():
        assert plan.schedule is not None
        state = states.get(id)
        paused = state is not None and state.paused
        late = state is not None and not paused and _is_late(plan.schedule, state.last_tick, now)
        last = fired(plan.schedule, state.last_tick) if state is not None else None
        rows.append(ScheduleFacts(id, plan.name, plan.schedule, last, _ahead(plan.schedule, now, ahead), paused, late))
    return rows


def fired(schedule: Schedule, last: float) -> datetime | None:
    """When a schedule last fired. What is recorded is a tick, or else when it was first seen, paused or resumed.

    Args:
        last: what is recorded, in seconds since the epoch.
    """
    tick = schedule.previous_or_at(last + _NEARLY)
    return tick if tick is not None and abs(tick.timestamp() - last) <= _NEARLY else None


def _ahead(schedule: Schedule, now: float, count: int) -> list[datetime]:
    ticks: list[datetime] = []
    tick = schedule.next_after(now)
    while tick is not None and len(ticks) < count:
        ticks.append(tick)
        tick = schedule.next_after(tick)
    return ticks


def _is_late(schedule: Schedule, last: float, now: float) -> bool:
    due = schedule.previous_or_at(now - LATE)
    return due is not None and due.timestamp() > last + 1  # backends keep moments to the microsecond, or nearly


def schedules_named(motia: Motia, name: str) -> list[str]:
    """The ids of the schedules of a step, or the one with this id.

    Raises:
        ConfigError: there is none; names the nearest known one.
    """
    chosen = [id for id, plan in motia.registry.schedules.items() if name in {id, plan.name}]
    if not chosen:
        known = [plan.name for plan in motia.registry.schedules.values()]
        raise ConfigError(f"no schedule of step {name!r}; {did_you_mean(name, known)}")
    return chosen


async def run_schedule(motia: Motia, id: str) -> tuple[Receipt, Trace]:
    """Have a schedule fire now, besides its own ticks."""
    return await _sent(motia, id, {"scheduled_time": motia.running.clock.now(), "missed": 0})


async def pause_schedule(motia: Motia, id: str, paused: bool) -> None:
    """Stop or resume a schedule."""
    await motia.running.backend.working.queue.pause_schedule(id, paused, motia.running.clock.now())


async def send_to_step(motia: Motia, step: str, data: Any, key: str | None = None) -> tuple[Receipt, Trace]:
    """Send a message to one step alone; a worker runs it.

    Args:
        key: dedupe key.

    Raises:
        UnknownStep: there is none.
        PayloadError: the data cannot be sent.
    """
    motia.registry.plan_of(step)
    return await _sent(motia, f"{STEP_TOPIC}.{step}", data, key)


async def _sent(motia: Motia, topic: str, data: Any, key: str | None = None) -> tuple[Receipt, Trace]:
    trace = new_trace()
    payload = dumps(data, limit=motia.settings.payload_limit)
    message = Message(new_id(), topic, payload, trace.traceparent, key)
    return (await motia.running.backend.working.queue.publish([message]))[0], trace


def payload_of(letter: DeadLetter) -> Any:
    """What a dead letter carries; as text where it is damaged."""
    try:
        return loads(letter.payload)
    except ValueError:
        return letter.payload


def trace_id_of(letter: DeadLetter | Unfinished) -> str | None:
    """The trace that a dead letter belongs to."""
    trace = traceparent_of(letter.traceparent)
    return trace.trace_id if trace else None
