"""When a schedule last fired is told where it is known, and nothing is told in its place."""

from __future__ import annotations

import pytest

from motia.schedules import Schedule
from motia.web.operations import ScheduleFacts
from motia.web.workbench.schedules import _row

TEN = 1_735_725_600.0
"""2025-01-01 10:00 UTC."""


def _facts(last: float | None) -> ScheduleFacts:
    return ScheduleFacts("tidy#$cron/0 * * * *", "tidy", Schedule.parse("0 * * * *"), last, [], False, False)


def test_a_tick_is_told() -> None:
    fired = _row(_facts(TEN)).last
    assert fired is not None
    assert fired.at == int(TEN * 1000)


def test_a_tick_that_a_backend_rounded_is_told() -> None:
    assert _row(_facts(TEN - 0.000_4)).last is not None


@pytest.mark.parametrize(
    "moment", [None, TEN + 1, TEN + 720.589], ids=["nothing", "just after", "when it was first seen"]
)
def test_what_is_no_tick_is_not_told(moment: float | None) -> None:
    assert _row(_facts(moment)).last is None
