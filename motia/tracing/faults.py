"""What is kept of an error: its class, its text, and the end of its traceback, where the cause is."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from types import TracebackType

import anyio

from motia.errors import Decision, HttpError
from motia.redaction import redact_text
from motia.tracing.records import ErrorRecord
from motia.tracing.snapshots import cut

MAX_MESSAGE = 1_000
MAX_STACK = 8_000
_OURS = tuple(f"{folder}{os.sep}" for folder in (Path(__file__).parents[1], Path(anyio.__file__).parent))


def raised(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """An error with the traceback from the handler on: the frames above are ours, and always the same."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    return type(error), error, found or error.__traceback__


def error_text(error: BaseException, limit: int) -> str:
    """The traceback without secrets, its last ``limit`` characters; of a decision or an ``HttpError`` just its text."""
    if isinstance(error, (Decision, HttpError)):
        return f"{type(error).__name__}: {error}"
    return redact_text("".join(traceback.format_exception(*raised(error))).strip())[-limit:]


def error_record(error: BaseException) -> ErrorRecord:
    """An error as it is recorded with a run."""
    name = type(error).__name__[:200]
    try:
        return ErrorRecord(name, cut(str(error), MAX_MESSAGE), cut(error_text(error, MAX_STACK), MAX_STACK))
    except Exception as unreadable:  # errors have a text that their own code makes
        return ErrorRecord(name, f"its text cannot be had: {type(unreadable).__name__}")
