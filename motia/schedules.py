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

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from motia.cron_fields import Calendar, split
from motia.errors import ConfigError, did_you_mean

_SECOND = timedelta(seconds=1)
_DAWN = datetime(1969, 12, 31, tzinfo=UTC)


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
    _calendar: Calendar = field(repr=False, compare=False)

    @classmethod
    def parse(cls, expression: str, timezone: str = "UTC") -> Schedule:
        """Read an expression, or ``@hourly @daily @midnight @weekly @monthly @yearly @annually``.

        Raises:
            ConfigError: the expression or the time zone is not one, or no day of any year matches.
        """
        texts = split(expression)
        wild = texts["minute"].startswith("*") or texts["hour"].startswith("*")
        try:
            days = Calendar.read(texts)
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
