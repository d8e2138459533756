"""What is kept of an error: its class, its text, and the end of its traceback, where the cause is."""

from __future__ import annotations

import traceback
from types import TracebackType

from motia.errors import Decision, HttpError
from motia.redaction import redact_text
from motia.tracing.records import ErrorRecord
from motia.tracing.snapshots import cut

MAX_MESSAGE = 1_000
MAX_STACK = 8_000
_CARRIERS = frozenset({"motia", "anyio", "asyncio", "asgiref", "concurrent"})
"""The packages between a worker or a server and the handler."""


def raised(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """An error with the traceback from the handler on: the frames above lead there, and are always the same."""
    found = error.__traceback__
    while found is not None and _is_carrier(found):
        found = found.tb_next
    return type(error), error, found or error.__traceback__


def _is_carrier(frame: TracebackType) -> bool:
    return str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0] in _CARRIERS


def error_text(error: BaseException, limit: int) -> str:
    """The traceback without secrets, its last ``limit`` characters; of a decision or an ``HttpError`` just its text."""
    if isinstance(error, (Decision, HttpError)):
        return f"{type(error).__name__}: {error}"
    return redact_text("".join(traceback.format_exception(*raised(error))).strip())[-limit:]


def error_line(text: str) -> str:
    """Of a traceback the line that names the last error, whose own text may go on for many; else the last line."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    frames = [at for at, line in enumerate(lines) if line.startswith('  File "')]
    after = [line for line in lines[frames[-1] + 1 if frames else 0 :] if not line.startswith((" ", "\t"))]
    return (after[0] if frames else after[-1]) if after else ""


def error_record(error: BaseException) -> ErrorRecord:
    """An error as it is recorded with a run."""
    name = type(error).__name__[:200]
    try:
        return ErrorRecord(name, cut(str(error), MAX_MESSAGE), cut(error_text(error, MAX_STACK), MAX_STACK))
    except Exception as unreadable:  # errors have a text that their own code makes
        return ErrorRecord(name, f"its text cannot be had: {type(unreadable).__name__}")
