"""Cron expressions: when they fire, in which time zone, and what happens when the clocks change. Pure.

An expression has 5 fields (minute, hour, day of month, month, day of week), 6 (second first) or 7 (year last). A field
is a list of ``*``, ``a`` and ``a-b``, each of them with ``/n`` as well. The rules are those of Vixie cron, and those of
Debian's where the clocks change:

* A job whose minute or hour field starts with ``*`` is a wildcard job and follows elapsed time: it fires at every
  moment whose local time matches, so twice in an hour that is repeated and not at all in one that is skipped.
* Every other job, ``0 0-23 * * *`` too, is about wall time. Where its time is skipped it fires once, at the end of the
  gap, however many of its times the gap holds; where its time is repeated it fires the first time only.
* Day of month and day of week: if both are restricted, either may match. A field that starts with ``*`` restricts
  nothing by itself, and then both must match: ``*/2`` in one of them narrows the other.
* Weekdays are POSIX: 0 or 7 is Sunday. Names of weekdays and months are read in any case.
* ``a/n`` means from ``a`` to the end of the field in steps of ``n``: ``59/15`` is 59, ``6/1`` in the hours is 6 to 23.

Ours: a range may pass the end of its field (``22-2``, ``FRI-MON``), ``?`` is ``*`` in both day fields, ``L`` is the
last day of the month, ``FRI#2`` is the second Friday, and years are 1970 to 2099.

The fields are read here and not by a library because the one at hand, croniter 7, reads ``5-5`` as every minute, ``R``
as a random one and ``1W`` as 1, and fires ``30 2 * * *`` twice on the night when the clocks go back.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from motia.errors import ConfigError, did_you_mean

_SECOND = timedelta(seconds=1)
_DAWN = datetime(1969, 12, 31, tzinfo=UTC)
_ITEM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_NTH = re.compile(r"(?P<weekday>\w+)#(?P<nth>[1-5])", re.ASCII)
_SHORTCUTS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True)
class Schedule:
    """A cron expression in a time zone. Two are equal if both are written alike.

    Attributes:
        expression: as it was written.
        timezone: an IANA name.
        fixed: about wall time and not about elapsed time; see the module's rules.
    """

    expression: str
    timezone: str
    fixed: bool
    _zone: tzinfo = field(repr=False, compare=False)
    _calendar: _Calendar = field(repr=False, compare=False)

    @classmethod
    def parse(cls, expression: str, timezone: str = "UTC") -> Schedule:
        """Read an expression, or ``@hourly @daily @midnight @weekly @monthly @yearly @annually``.

        Raises:
            ConfigError: the expression or the time zone is not one, or no day of any year matches.
        """
        texts = _split(expression)
        wild = texts["minute"].startswith("*") or texts["hour"].startswith("*")
        try:
            days = _Calendar.read(texts)
        except ValueError as error:
            raise ConfigError(f"cron expression {expression!r}: {error}") from error
        return cls(expression, timezone, not wild, _zone(timezone), days)

    def next_after(self, moment: datetime | float) -> datetime | None:
        """The first tick after ``moment``, in UTC; None when the year field has no more.

        Args:
            moment: an aware datetime, or seconds since the epoch.

        Raises:
            ValueError: ``moment`` is a datetime without a time zone.
        """
        start = _instant(moment)
        return self._next_fixed(start) if self.fixed else self._next_elapsed(start)

    def previous_or_at(self, moment: datetime | float) -> datetime | None:
        """The last tick at or before ``moment``, in UTC; None when there is none since 1970. Errors: as above.

        It looks forward from ever earlier moments and then closes in, so its cost does not depend on how many ticks
        were missed.
        """
        end = late = _instant(moment)
        early, back = end - _SECOND, _SECOND
        while (tick := self.next_after(early)) is None or tick > end:
            if early <= _DAWN:
                return None
            late, back = early, back * 4
            early = max(end - back, _DAWN)
        while (following := self.next_after(tick)) is not None and following <= end:
            middle = tick + (late - tick) / 2
            nearer = self.next_after(middle)
            if nearer is None or nearer > end:
                tick, late = following, middle
            else:
                tick = nearer
        return tick

    def ticks_between(self, start: datetime | float, end: datetime | float, limit: int) -> list[datetime]:
        """The ticks after ``start`` up to and including ``end``, at most the first ``limit``. Errors: as above."""
        last = _instant(end)
        ticks: list[datetime] = []
        tick = self.next_after(start)
        while tick is not None and tick <= last and len(ticks) < limit:
            ticks.append(tick)
            tick = self.next_after(tick)
        return ticks

    def _next_fixed(self, start: datetime) -> datetime | None:
        local = start.astimezone(self._zone)
        if local.fold:  # the second time round; all of the repeated times have had their turn
            local = (self._change(local) - _SECOND).astimezone(self._zone)
        wall = self._calendar.at_or_after(_wall(local) + _SECOND)
        if wall is None:
            return None
        first, second = self._instants(wall)
        return self._change(wall) if second < first else first

    def _next_elapsed(self, start: datetime) -> datetime | None:
        local = (start + _SECOND).astimezone(self._zone)
        if not local.fold and self._is_repeated(local):
            wall = self._calendar.at_or_after(_wall(local))
            change = self._change(local)
            if wall is not None and (tick := self._instants(wall)[0]) < change:
                return tick
            local = change.astimezone(self._zone)
        while (wall := self._calendar.at_or_after(_wall(local))) is not None:
            first, second = self._instants(wall)
            if second >= first:
                return first if first > start else second
            local = self._change(wall).astimezone(self._zone)
        return None

    def _instants(self, wall: datetime) -> tuple[datetime, datetime]:
        """When the clocks show ``wall``, the first and the second time; the second is less where they skip it."""
        local = wall.replace(tzinfo=self._zone, fold=0)
        return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)

    def _is_repeated(self, local: datetime) -> bool:
        first, second = self._instants(local)
        return first < second

    def _change(self, wall: datetime) -> datetime:
        """The second from which on another offset holds, for a local time that is repeated or skipped because of it."""
        before, after = sorted(int(instant.timestamp()) for instant in self._instants(wall))
        offset = datetime.fromtimestamp(before, self._zone).utcoffset()
        while after - before > 1:
            middle = (before + after) // 2
            same = datetime.fromtimestamp(middle, self._zone).utcoffset() == offset
            before, after = (middle, after) if same else (before, middle)
        return datetime.fromtimestamp(after, UTC)


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The matching local times, as if clocks never changed.

    Attributes:
        minutes: minutes of the day, ascending; as are the others.
        days: the days of a month that match, by its length and the weekday of its first day (Monday is 0).
    """

    years: Sequence[int]
    months: Sequence[int]
    days: Mapping[tuple[int, int], Sequence[int]]
    minutes: Sequence[int]
    seconds: Sequence[int]

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> _Calendar:
        """Raises ValueError, whose text names the field at fault."""
        seconds, minutes, hours = (_FIELDS[name].values(texts[name]) for name in ("second", "minute", "hour"))
        days = _days(texts["day of month"], texts["day of week"])
        months, years = (_FIELDS[name].values(texts[name]) for name in ("month", "year"))
        found = cls(years, months, days, [hour * 60 + minute for hour in hours for minute in minutes], seconds)
        if found._day_from(date.min) is None:
            raise ValueError(
                "it would never fire: none of its months has such a day; mend the day of month or the month"
            )
        return found

    def at_or_after(self, wall: datetime) -> datetime | None:
        day = self._day_from(wall.date())
        if day == wall.date():
            clock = self._time_from(wall)
            if clock is not None:
                return datetime.combine(day, clock)
            day = self._day_from(day + timedelta(days=1))
        return None if day is None else datetime.combine(day, _time(self.minutes[0], self.seconds[0]))

    def _day_from(self, start: date) -> date | None:
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if year == start.year and month < start.month:
                    continue
                weekday, length = calendar.monthrange(year, month)
                days = self.days[length, weekday]
                at = bisect_left(days, start.day) if (year, month) == (start.year, start.month) else 0
                if at < len(days):
                    return date(year, month, days[at])
        return None

    def _time_from(self, wall: datetime) -> time | None:
        minute = wall.hour * 60 + wall.minute
        at = bisect_left(self.minutes, minute)
        if at < len(self.minutes) and self.minutes[at] == minute:
            second = bisect_left(self.seconds, wall.second)
            if second < len(self.seconds):
                return _time(minute, self.seconds[second])
            at += 1
        return _time(self.minutes[at], self.seconds[0]) if at < len(self.minutes) else None


class _Field(NamedTuple):
    """One field of an expression: its least number, how many values differ, its greatest number, names for them."""

    name: str
    low: int
    size: int
    high: int
    words: str = ""

    def values(self, text: str) -> list[int]:
        """The values of a list, ascending. Raises ValueError, whose text names the field."""
        return sorted({value for item in text.split(",") for value in self._item(item)})

    def number(self, word: str) -> int:
        if word.isdecimal() and self.low <= int(word) <= self.high:
            return int(word)
        names = self.words.split()
        if word in names:
            return self.low + names.index(word)
        raise self.fault(word, did_you_mean(word, names) if names and not word.isdecimal() else "")

    def fault(self, item: str, hint: str = "") -> ValueError:
        words = f" or {self.words[:3]}-{self.words[-3:]}" if self.words else ""
        forms = f"expected {self.low}-{self.high}{words}, as '*', 'a', 'a-b', '*/n', 'a/n' or a list of these"
        return ValueError(f"{item!r} in the {self.name} field; {forms}{'; ' if hint else ''}{hint}")

    def _item(self, item: str) -> list[int]:
        found = _ITEM.fullmatch(item)
        if found is None:
            raise self.fault(item)
        step = int(found["step"] or 1)
        if not 1 <= step <= self.size:
            raise self.fault(item, f"a step is 1-{self.size}, for counting starts anew with each round of the field")
        first = self.number(found["first"]) if found["first"] else self.low
        open_ended = found["step"] or not found["first"]
        last = self.number(found["last"]) if found["last"] else self.low + self.size - 1 if open_ended else first
        if last < first and self.name == "year":
            raise self.fault(item, "years do not come round again")
        last += self.size if last < first else 0
        return [self.low + (value - self.low) % self.size for value in range(first, last + 1, step)]


_FIELDS = {
    found.name: found
    for found in (
        _Field("second", 0, 60, 59),
        _Field("minute", 0, 60, 59),
        _Field("hour", 0, 24, 23),
        _Field("day of month", 1, 31, 31),
        _Field("month", 1, 12, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
        _Field("day of week", 0, 7, 7, "SUN MON TUE WED THU FRI SAT"),
        _Field("year", 1970, 130, 2099),
    )
}
_ORDERS = {5: list(_FIELDS)[1:6], 6: list(_FIELDS)[:6], 7: list(_FIELDS)}


def _split(expression: str) -> dict[str, str]:
    """The text of each field, in capitals."""
    if not isinstance(expression, str) or not expression.strip():
        raise ConfigError(f"expected a cron expression such as '*/5 * * * *', got {expression!r}")
    text = expression.strip()
    if text.startswith("@") and text.lower() not in _SHORTCUTS:
        raise ConfigError(f"unknown cron shortcut {text!r}; {did_you_mean(text.lower(), list(_SHORTCUTS))}")
    parts = _SHORTCUTS.get(text.lower(), text).upper().split()
    if len(parts) not in _ORDERS:
        raise ConfigError(
            f"cron expression {expression!r} has {len(parts)} field{'s' if len(parts) != 1 else ''}; expected "
            "5 (minute hour day month weekday, as '*/5 * * * *'), 6 (second first) or 7 (second first, year last)"
        )
    found = {"second": "0", "year": "*", **dict(zip(_ORDERS[len(parts)], parts, strict=True))}
    return {name: "*" if text == "?" and name.startswith("day") else text for name, text in found.items()}


def _days(dom: str, dow: str) -> dict[tuple[int, int], list[int]]:
    """The days that match, for every shape a month can have."""
    by_month, by_week = _FIELDS["day of month"], _FIELDS["day of week"]
    monthly, weekly = (set(text.split(",")) for text in (dom, dow))
    nths = {item: found for item in weekly if (found := _NTH.fullmatch(item))}
    numbers = {value for item in monthly - {"L"} for value in by_month.values(item)}
    weekdays = {value for item in weekly - set(nths) for value in by_week.values(item)}
    chosen = {(by_week.number(found["weekday"]) % 7, int(found["nth"])) for found in nths.values()}
    combine = all if dom.startswith("*") or dow.startswith("*") else any

    def matches(day: int, length: int, first: int) -> bool:
        weekday = (first + day) % 7
        in_week = weekday in weekdays or (weekday, (day + 6) // 7) in chosen
        return combine((in_week, day in numbers or ("L" in monthly and day == length)))

    shapes = [(length, first) for length in range(28, 32) for first in range(7)]
    return {shape: [day for day in range(1, shape[0] + 1) if matches(day, *shape)] for shape in shapes}


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # works where there is no time zone database
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        known = sorted(available_timezones())
        hint = did_you_mean(str(name), known) if known else "this machine has no time zone database: install tzdata"
        if len(hint) > 200:
            hint = "names are those of the IANA time zone database"
        raise ConfigError(f"expected an IANA time zone such as 'Europe/Berlin', got {name!r}; {hint}") from error


def _instant(moment: datetime | float) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.fromtimestamp(moment, UTC)
    if moment.tzinfo is None:
        raise ValueError(f"expected a datetime with a time zone, got {moment!r}; add tzinfo=UTC")
    return moment.astimezone(UTC)


def _wall(local: datetime) -> datetime:
    return local.replace(tzinfo=None, microsecond=0, fold=0)


def _time(minute: int, second: int) -> time:
    return time(minute // 60, minute % 60, second)
