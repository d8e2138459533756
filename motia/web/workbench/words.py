"""Cron expressions in words, where there are plain ones. Pure."""

from __future__ import annotations

import re

_DAYS = {
    **dict.fromkeys(("0", "7", "SUN"), "Sunday"),
    **dict.fromkeys(("1", "MON"), "Monday"),
    **dict.fromkeys(("2", "TUE"), "Tuesday"),
    **dict.fromkeys(("3", "WED"), "Wednesday"),
    **dict.fromkeys(("4", "THU"), "Thursday"),
    **dict.fromkeys(("5", "FRI"), "Friday"),
    **dict.fromkeys(("6", "SAT"), "Saturday"),
    **dict.fromkeys(("1-5", "MON-FRI"), "weekday"),
}
_SHORTCUTS = {
    "@hourly": "every hour",
    "@daily": "every day at 00:00",
    "@midnight": "every day at 00:00",
    "@weekly": "every Sunday at 00:00",
    "@monthly": "on day 1 of every month at 00:00",
    "@yearly": "every year on 1 January at 00:00",
    "@annually": "every year on 1 January at 00:00",
}
_STEP = re.compile(r"\*/(\d{1,2})", re.ASCII)
_NUMBER = re.compile(r"\d{1,2}", re.ASCII)


def in_words(expression: str) -> str:
    """What a schedule does; the expression itself where saying it would take more than a few words."""
    text = expression.strip()
    if text.lower() in _SHORTCUTS:
        return _SHORTCUTS[text.lower()]
    fields = text.upper().split()
    if len(fields) == 6 and (words := _seconds(fields)):
        return words
    if len(fields) == 6 and fields[0] == "0":
        fields = fields[1:]
    return (_said(*fields) if len(fields) == 5 else None) or text


def _seconds(fields: list[str]) -> str | None:
    if any(field not in {"*", "?"} for field in fields[1:]):
        return None
    return _every(fields[0], "second")


def _said(minute: str, hour: str, day: str, month: str, weekday: str) -> str | None:
    any_day = day in {"*", "?"} and weekday in {"*", "?"}
    if month != "*":
        return None
    if hour == "*" and any_day:
        return f"every hour at minute {int(minute)}" if _NUMBER.fullmatch(minute) else _every(minute, "minute")
    if not (_NUMBER.fullmatch(minute) and any_day) and _STEP.fullmatch(hour):
        return None
    if _STEP.fullmatch(hour):
        return f"{_every(hour, 'hour')} at minute {int(minute)}"
    if not (_NUMBER.fullmatch(minute) and _NUMBER.fullmatch(hour)):
        return None
    moment = f"{int(hour):02}:{int(minute):02}"
    if any_day:
        return f"every day at {moment}"
    if day in {"*", "?"} and weekday in _DAYS:
        return f"every {_DAYS[weekday]} at {moment}"
    if weekday in {"*", "?"} and _NUMBER.fullmatch(day):
        return f"on day {int(day)} of every month at {moment}"
    return None


def _every(field: str, unit: str) -> str | None:
    if field == "*":
        return f"every {unit}"
    found = _STEP.fullmatch(field)
    return f"every {int(found[1])} {unit}s" if found and int(found[1]) > 1 else None
