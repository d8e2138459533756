"""Every tick against an oracle that knows no algorithm: it looks at each minute, second or day in turn."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motia.errors import ConfigError
from motia.schedules import Schedule

# When the clocks change (in UTC), or nothing does.
MOMENTS = {
    "Europe/Berlin spring": ("Europe/Berlin", "2026-03-29T01:00"),
    "Europe/Berlin autumn": ("Europe/Berlin", "2026-10-25T01:00"),
    "New York spring": ("America/New_York", "2026-03-08T07:00"),
    "New York autumn": ("America/New_York", "2026-11-01T06:00"),
    "Sao Paulo, midnight skipped": ("America/Sao_Paulo", "2018-11-04T03:00"),
    "Sao Paulo, midnight repeated": ("America/Sao_Paulo", "2018-02-18T02:00"),
    "Lord Howe, half an hour skipped": ("Australia/Lord_Howe", "2026-10-03T15:30"),
    "Lord Howe, half an hour repeated": ("Australia/Lord_Howe", "2026-04-04T15:00"),
    "Apia, a day skipped": ("Pacific/Apia", "2011-12-30T10:00"),
    "Kwajalein, a day skipped": ("Pacific/Kwajalein", "1993-08-21T12:00"),
    "Kathmandu, a quarter of an hour skipped": ("Asia/Kathmandu", "1985-12-31T18:30"),
    "Caracas, half an hour repeated": ("America/Caracas", "2007-12-09T07:00"),
    "Kolkata": ("Asia/Kolkata", "2026-03-29T01:00"),
    "UTC": ("UTC", "2026-03-01T00:00"),
}
ZONES = sorted({zone for zone, _ in MOMENTS.values()})
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


def stable(examples: int) -> settings:
    return settings(derandomize=True, deadline=None, max_examples=examples)


@dataclass(frozen=True)
class Field:
    """A field's text, and its values by construction and not by parsing."""

    text: str
    values: frozenset[int] = field(repr=False)

    @property
    def starred(self) -> bool:
        return self.text.startswith("*")


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> Field:
    step = draw(st.integers(1, high - low + 1))
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    return draw(
        st.sampled_from(
            [
                Field(str(first), frozenset([first])),
                Field(f"{first}-{last}", frozenset(range(first, last + 1))),
                Field(f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))),
                Field(f"{first}/{step}", frozenset(range(first, high + 1, step))),
                Field(f"*/{step}", frozenset(range(low, high + 1, step))),
            ]
        )
    )


def fields(low: int, high: int) -> st.SearchStrategy[Field]:
    every = st.just(Field("*", frozenset(range(low, high + 1))))
    lists = st.lists(items(low, high), min_size=1, max_size=3).map(
        lambda found: Field(
            ",".join(item.text for item in found), frozenset[int]().union(*(item.values for item in found))
        )
    )
    return st.one_of(every, lists)


@dataclass(frozen=True)
class Job:
    """An expression of 6 fields and what it should mean."""

    second: Field
    minute: Field
    hour: Field
    dom: Field
    month: Field
    dow: Field

    @property
    def text(self) -> str:
        return " ".join(found.text for found in self.fields)

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.second, self.minute, self.hour, self.dom, self.month, self.dow

    @property
    def wild(self) -> bool:
        return self.minute.starred or self.hour.starred

    def on(self, day: date) -> bool:
        by_month, by_week = day.day in self.dom.values, day.isoweekday() % 7 in self.dow.values
        starred = self.dom.starred or self.dow.starred
        return day.month in self.month.values and ((by_month and by_week) if starred else (by_month or by_week))

    def at(self, wall: datetime) -> bool:
        in_minute = wall.second in self.second.values and wall.minute in self.minute.values
        return in_minute and wall.hour in self.hour.values and self.on(wall)


ZERO, EVERY_DAY = Field("0", frozenset([0])), Field("*", frozenset(range(1, 32)))
EVERY_MONTH, EVERY_WEEKDAY = Field("*", frozenset(range(1, 13))), Field("*", frozenset(range(7)))
night = [
    ("0", [0]),
    ("2", [2]),
    ("1-2", [1, 2]),
    ("23-2", [23, 0, 1, 2]),
    ("1,2,3", [1, 2, 3]),
    ("0-6/2", [0, 2, 4, 6]),
]
hours = st.one_of(fields(0, 23), st.sampled_from([Field(text, frozenset(values)) for text, values in night]))
minutely = st.builds(
    Job,
    st.just(ZERO),
    fields(0, 59),
    hours,
    st.one_of(st.just(EVERY_DAY), fields(1, 31)),
    st.just(EVERY_MONTH),
    st.one_of(st.just(EVERY_WEEKDAY), fields(0, 6)),
)
secondly = st.builds(
    Job,
    fields(0, 59),
    fields(0, 59),
    hours,
    st.just(EVERY_DAY),
    st.just(EVERY_MONTH),
    st.just(EVERY_WEEKDAY),
)
moments = st.sampled_from(sorted(MOMENTS))


@cache
def clock(moment: str, grain: timedelta, reach: timedelta) -> list[tuple[datetime, datetime]]:
    """Each moment around a change of clocks, in UTC and as the clocks show it."""
    name, change = MOMENTS[moment]
    zone = ZoneInfo(name)
    start = datetime.fromisoformat(change).replace(tzinfo=UTC) - reach
    instants = [start + grain * count for count in range(2 * reach // grain + 1)]
    return [(instant, instant.astimezone(zone).replace(tzinfo=None, fold=0)) for instant in instants]


def oracle(job: Job, shown: list[tuple[datetime, datetime]], grain: timedelta) -> list[datetime]:
    if job.wild:
        return [instant for instant, wall in shown if job.at(wall)]
    ticks = set()
    latest = shown[0][1] - grain  # the latest time that the clocks have shown so far
    for instant, wall in shown:
        while latest < wall:
            latest += grain
            if job.at(latest):
                ticks.add(instant)
    return sorted(ticks)


def asked(job: Job, shown: list[tuple[datetime, datetime]], zone: str) -> list[datetime]:
    start, end = shown[0][0] - SECOND, shown[-1][0]
    return Schedule.parse(job.text, zone).ticks_between(start, end, 10**6)


@pytest.mark.parametrize("moment", sorted(MOMENTS))
@stable(60)
@given(job=minutely)
def test_every_minute_around_a_change_of_clocks(moment: str, job: Job) -> None:
    shown = clock(moment, MINUTE, timedelta(hours=8))
    assert asked(job, shown, MOMENTS[moment][0]) == oracle(job, shown, MINUTE)


@stable(60)
@given(moments, secondly)
def test_every_second_around_a_change_of_clocks(moment: str, job: Job) -> None:
    shown = clock(moment, SECOND, timedelta(minutes=100))
    assert asked(job, shown, MOMENTS[moment][0]) == oracle(job, shown, SECOND)


@stable(250)
@given(moments, minutely, st.one_of(st.floats(-8, 8), st.floats(-1, 1)))
def test_next_and_previous_from_any_moment(moment: str, job: Job, hours_after: float) -> None:
    shown = clock(moment, MINUTE, timedelta(hours=8))
    schedule, ticks = Schedule.parse(job.text, MOMENTS[moment][0]), oracle(job, shown, MINUTE)
    asked_at = shown[len(shown) // 2][0] + timedelta(hours=hours_after)
    at = bisect_right(ticks, asked_at)
    following, previous = schedule.next_after(asked_at), schedule.previous_or_at(asked_at)
    if at < len(ticks):
        assert following == ticks[at]
    else:
        assert following is None or following > shown[-1][0]
    if at > 0:
        assert previous == ticks[at - 1]
    else:
        assert previous is None or previous < shown[0][0]


def parsed(job: Job) -> Schedule | None:
    """None where it says that it would never fire."""
    try:
        return Schedule.parse(job.text)
    except ConfigError as error:
        if "never fire" not in str(error):
            raise
        return None


midnights = st.builds(Job, st.just(ZERO), st.just(ZERO), st.just(ZERO), fields(1, 31), fields(1, 12), fields(0, 6))


@stable(250)
@given(midnights, st.dates(date(1971, 1, 1), date(2090, 1, 1)))
def test_every_day_of_two_years(job: Job, start: date) -> None:
    first = datetime(start.year, start.month, start.day, tzinfo=UTC)
    days = [first + DAY * count for count in range(2 * 366)]
    schedule = parsed(job)
    found = [] if schedule is None else schedule.ticks_between(first - SECOND, days[-1], 10**6)
    assert found == [day for day in days if job.on(day)]


@stable(60)
@given(minutely, st.sampled_from(ZONES), st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1)))
def test_ticks_ascend_and_previous_undoes_next(job: Job, zone: str, start: datetime) -> None:
    schedule, instant = Schedule.parse(job.text, zone), timedelta(microseconds=1)
    tick = schedule.next_after(start.replace(tzinfo=UTC))
    for _ in range(20):
        assert tick is not None
        following = schedule.next_after(tick)
        assert following is not None
        assert following > tick
        assert schedule.next_after(following - instant) == following
        assert schedule.previous_or_at(following) == following
        assert schedule.previous_or_at(following - instant) == tick
        tick = following


def lost_days(zone: str, year: int) -> int:
    """Days that were skipped whole; the job of such a day is made up for at the beginning of the next."""
    return int((zone, year) in {("Pacific/Apia", 2011), ("Pacific/Kwajalein", 1993)})


@stable(60)
@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES), st.integers(1985, 2035))
def test_a_daily_job_runs_once_on_every_day_of_a_year(hour: int, minute: int, zone: str, year: int) -> None:
    local = ZoneInfo(zone)
    start, end = (datetime(when, 1, 1, tzinfo=local).astimezone(UTC) for when in (year, year + 1))
    ticks = Schedule.parse(f"{minute} {hour} * * *", zone).ticks_between(start - SECOND, end - SECOND, 10**6)
    runs = Counter(tick.astimezone(local).date() for tick in ticks)
    quarters = [start + DAY / 4 * count for count in range((end - start) // (DAY / 4))]
    assert set(runs) == {moment.astimezone(local).date() for moment in quarters}
    made_up = lost_days(zone, year) if (hour, minute) != (0, 0) else 0
    assert runs.total() == len(runs) + made_up


@stable(150)
@given(
    st.builds(Job, fields(0, 59), fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), st.just(EVERY_WEEKDAY)),
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
)
def test_a_library_agrees_where_clocks_do_not_change(job: Job, start: datetime) -> None:
    croniter = pytest.importorskip("croniter").croniter
    schedule, moment = parsed(job), start.replace(microsecond=0, tzinfo=UTC)
    if schedule is None:
        return
    spelled = " ".join(found.text if found.text == "*" else _listed(found) for found in job.fields)
    theirs = croniter(spelled, moment, second_at_beginning=True)
    for _ in range(5):
        following = schedule.next_after(moment)
        assert following == theirs.get_next(datetime)
        moment = following


def _listed(found: Field) -> str:
    """Without the ranges and steps that the library reads otherwise than cron does."""
    return ",".join(map(str, sorted(found.values)))
