"""Structured logging on the standard library: every line of a step knows its step, delivery, attempt and trace.

Loggers are named ``motia.step.<name>``. The bound fields are attributes of the log record, under ``motia`` for
formatters that want them all. Secrets are hidden in what handlers log, in tracebacks, and in everything that our own
formatter prints.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from motia.current import Current, running
from motia.redaction import redact, redact_text

Told = Callable[[str, str, Mapping[str, Any]], None]


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 step``, ``2 steps``.

    Args:
        many: the plural, where it is not ``one`` with an s.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def deliveries(count: int) -> str:
    """How many, in words."""
    return counted(count, "delivery", "deliveries")


class StepLogger:
    """The logger of a handler: ``logger.info("charged", {"amount": 5})`` or ``logger.info("charged", amount=5)``.

    Args:
        logger: where the lines go.
        fields: bound to every line.
        told: of every line, whatever level the standard logger has: level, message and its own fields.
    """

    __slots__ = ("_fields", "_logger", "_told")

    def __init__(
        self, logger: logging.Logger, fields: Mapping[str, Any] | None = None, told: Told | None = None
    ) -> None:
        self._logger = logger
        self._fields = fields
        self._told = told

    def debug(self, message: str, data: Any = None, /, *args: Any, **more: Any) -> None:
        self._log(logging.DEBUG, message, data, args, more)

    def info(self, message: str, data: Any = None, /, *args: Any, **more: Any) -> None:
        self._log(logging.INFO, message, data, args, more)

    def warning(self, message: str, data: Any = None, /, *args: Any, **more: Any) -> None:
        self._log(logging.WARNING, message, data, args, more)

    warn = warning

    def error(self, message: str, data: Any = None, /, *args: Any, **more: Any) -> None:
        self._log(logging.ERROR, message, data, args, more)

    def exception(self, message: str, data: Any = None, /, *args: Any, **more: Any) -> None:
        """An error, with the traceback of the exception being handled."""
        self._log(logging.ERROR, message, data, args, {"exc_info": True, **more})

    def critical(self, message: str, data: Any = None, /, *args: Any, **more: Any) -> None:
        self._log(logging.CRITICAL, message, data, args, more)

    def _log(self, level: int, message: str, data: Any, args: tuple[Any, ...], more: dict[str, Any]) -> None:
        enabled = self._logger.isEnabledFor(level)
        if not enabled and self._told is None:
            return
        message = (
            message if isinstance(message, str) else str(message)
        )  # an exception, a dict: people log what they have
        standard = {name: more.pop(name) for name in ("exc_info", "stack_info") if name in more}
        if args or (data is not None and not isinstance(data, Mapping) and "%" in message):
            message, data = _formatted(message, data, args)
        own = {**_data(data), **more}
        if self._told is not None:
            self._told(logging.getLevelName(level).lower(), message, {**own, **_raised(standard.get("exc_info"))})
        if not enabled:
            return
        fields = {**(self._fields or {}), **redact(own)}
        self._logger.log(level, "%s", redact_text(message), extra={"motia": fields}, stacklevel=3, **standard)


def _raised(given: Any) -> Mapping[str, Any]:
    """The traceback that a line is logged with, as a field."""
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    return {} if error is None else {"exception": "".join(traceback.format_exception(error))}


def _formatted(message: str, data: Any, args: tuple[Any, ...]) -> tuple[str, Any]:
    """``logger.info("%s of %s", a, b)``, as the standard library has it."""
    try:
        return message % (data, *args), None
    except (TypeError, ValueError):
        return message, {"data": data, "args": args}


def _data(data: Any) -> Mapping[str, Any]:
    if data is None:
        return {}
    return data if isinstance(data, Mapping) else {"data": data}


class AmbientLogger(StepLogger):
    """``from motia import logger``: inside a handler the lines carry its step and trace."""

    __slots__ = ()

    def _log(self, level: int, message: str, data: Any, args: tuple[Any, ...], more: dict[str, Any]) -> None:
        run = running.get()
        if run is None:
            super()._log(level, message, data, args, more)
        else:
            logger_of(run, run.fields["step"])._log(level, message, data, args, more)


def logger_of(run: Current, step: str) -> StepLogger:
    """The logger of a run."""
    return StepLogger(step_logger(step), run.fields, None if run.recording is None else run.recording.log)


def step_logger(step: str) -> logging.Logger:
    """The standard logger of a step."""
    found = logging.getLogger(f"motia.step.{step}")
    found.addFilter(_hidden)  # without effect where it has it
    return found


def _hidden(record: logging.LogRecord) -> bool:
    """Hide secrets in the traceback of a record before any formatter prints it: those of others take this text too."""
    if record.exc_info and not record.exc_text:
        record.exc_text = redact_text(_plain.formatException(record.exc_info))
    return True


_plain = logging.Formatter()
for _name in ("motia", "motia.worker", "motia.http"):
    logging.getLogger(_name).addFilter(_hidden)
logger = AmbientLogger(logging.getLogger("motia"))


class Formatter(logging.Formatter):
    """One line per record for terminals: time, level, step, message, then the fields as ``key=value``.

    What a message has besides its first line, and a traceback, is set in below: a line at the margin is a record's.

    Args:
        colour: levels in colour, and each step in one of its own.
    """

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        fields = dict(getattr(record, "motia", None) or {})
        step = fields.pop("step", None)
        trace = fields.pop("trace_id", None)
        fields.pop("delivery_id", None)
        if fields.get("attempt") in {0, 1}:
            fields.pop("attempt")
        line = super().format(record)
        head, newline, rest = line.partition("\n")
        pairs = "".join(f" {key}={value!r}" for key, value in fields.items())
        where = f" [{step}]" if step else ""
        ending = f" trace={trace[:8]}" if isinstance(trace, str) else ""
        below = newline + _indented(redact_text(rest))
        if not self._colour:
            return _shown(f"{head}{where}{pairs}{ending}") + below
        line = f"\x1b[{_LEVELS.get(record.levelno, 0)}m{_shown(head)}\x1b[0m"
        name = f"\x1b[{_STEPS[sum(str(step).encode()) % len(_STEPS)]}m{_shown(where)}\x1b[0m" if step else ""
        return f"{line}{name}\x1b[2m{_shown(pairs + ending)}\x1b[0m{below}"


_LEVELS = {logging.DEBUG: 2, logging.WARNING: 33, logging.ERROR: 31, logging.CRITICAL: 31}
_STEPS = (32, 34, 35, 36, 92, 94, 95, 96)


def _shown(text: str) -> str:
    return _escape(redact_text(text))


def _indented(lines: str) -> str:
    return "\n".join(f"  {_escape(line)}" for line in lines.split("\n")) if lines else ""


def _escape(line: str) -> str:
    """Control characters made visible, so that data cannot forge log lines."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
