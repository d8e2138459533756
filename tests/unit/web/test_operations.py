from __future__ import annotations

from datetime import UTC, datetime

import pytest

from motia import ConfigError, Motia, cron, step
from motia.schedules import Schedule
from motia.testing.clock import VirtualClock
from motia.web.operations import LATE, fired, pause_schedule, schedules_named, schedules_of

HOURLY = Schedule.parse("0 * * * *")
TEN = datetime(2025, 1, 1, 10, tzinfo=UTC)


@step("hourly", triggers=[cron("0 * * * *")])
async def hourly() -> None: ...


async def test_a_tick_that_nobody_recorded_is_late() -> None:
    clock = VirtualClock()
    async with Motia("memory:", steps=[hourly], clock=clock) as motia:
        id = schedules_named(motia, "hourly")[0]
        facts = (await schedules_of(motia, 3))[0]
        assert (facts.last, facts.late, len(facts.next)) == (None, False, 3)
        await motia.running.backend.working.queue.tick(id, clock.now(), [])
        assert not (await schedules_of(motia))[0].late
        clock.advance(3600)
        due = (await schedules_of(motia))[0]
        clock.advance(LATE)
        assert (await schedules_of(motia))[0].late
        await pause_schedule(motia, id, True)
        assert not (await schedules_of(motia))[0].late
        assert due.step == "hourly"


async def test_a_schedule_that_is_none_is_told_of() -> None:
    async with Motia("memory:", steps=[hourly]) as motia:
        with pytest.raises(ConfigError, match="no schedule of step 'hourli'; did you mean 'hourly'"):
            schedules_named(motia, "hourli")


@pytest.mark.parametrize("rounded", [0, 0.000_4], ids=["as it was", "as a backend rounded it"])
def test_a_tick_is_told(rounded: float) -> None:
    assert fired(HOURLY, TEN.timestamp() - rounded) == TEN


@pytest.mark.parametrize("after", [1, 720.589], ids=["just after", "when it was first seen"])
def test_what_is_no_tick_is_not_told(after: float) -> None:
    assert fired(HOURLY, TEN.timestamp() + after) is None


async def test_a_schedule_that_was_only_paused_has_not_fired() -> None:
    async with Motia("memory:", steps=[hourly]) as motia:
        await pause_schedule(motia, schedules_named(motia, "hourly")[0], True)
        assert (await schedules_of(motia))[0].last is None
