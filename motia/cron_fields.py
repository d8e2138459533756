"""The fields of a cron expression, and the local times that match them. The rules: ``motia.schedules``."""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from motia.errors import ConfigError, did_you_mean

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


@dataclass(frozen=True, slots=True)
class Calendar:
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
    def read(cls, texts: Mapping[str, str]) -> Calendar:
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


def split(expression: str) -> dict[str, str]:
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


def _time(minute: int, second: int) -> time:
    return time(minute // 60, minute % 60, second)
