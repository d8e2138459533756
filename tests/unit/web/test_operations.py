from __future__ import annotations

import pytest

from motia import ConfigError, Motia, cron, step
from motia.testing.clock import VirtualClock
from motia.web.operations import LATE, pause_schedule, schedules_named, schedules_of


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
