"""Cron schedules: when they fire next, and when they last did."""

from __future__ import annotations

from motia.errors import ConfigError, HttpError
from motia.web.operations import ScheduleFacts, pause_schedule, run_schedule, schedules_named, schedules_of
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.words import in_words

AHEAD = 5


async def list_schedules(ask: Ask) -> list[models.ScheduleRow]:
    return [_row(facts) for facts in await schedules_of(ask.motia, AHEAD)]


def _row(facts: ScheduleFacts) -> models.ScheduleRow:
    return models.ScheduleRow(
        id=facts.id,
        step=facts.step,
        expr=facts.schedule.expression,
        tz=facts.schedule.timezone,
        words=in_words(facts.schedule.expression),
        next=[int(moment.timestamp() * 1000) for moment in facts.next],
        last=None if facts.last is None else models.Fired(int(facts.last.timestamp() * 1000), None, None, None),
        paused=facts.paused,
        late=facts.late,
    )


def _id(ask: Ask) -> str:
    try:
        return schedules_named(ask.motia, ask.params["id"])[0]
    except ConfigError as error:
        raise HttpError(404, str(error)) from error


async def run(ask: Ask) -> models.Sent:
    """Have it fire now, besides its own ticks."""
    receipt, trace = await run_schedule(ask.motia, _id(ask))
    return models.Sent(receipt.message_id, trace.trace_id)


async def pause(ask: Ask) -> models.Done:
    await pause_schedule(ask.motia, _id(ask), True)
    return models.Done(1)


async def resume(ask: Ask) -> models.Done:
    await pause_schedule(ask.motia, _id(ask), False)
    return models.Done(1)


ROUTES = [
    Route("GET", "schedules", list_schedules),
    Route("POST", "schedules/:id/run", run, "run", 202),
    Route("POST", "schedules/:id/pause", pause, "pause"),
    Route("POST", "schedules/:id/resume", resume, "pause"),
]
