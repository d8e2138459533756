"""What went wrong, from what was kept of it. Pure."""

from __future__ import annotations

import hashlib
import re

from motia.messages import DeadLetter
from motia.tracing.faults import error_line
from motia.web.workbench import models

_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+", re.IGNORECASE)
_LAST_LINE = re.compile(r"(?:[\w.]+\.)?(\w+)(?:: (.*))?", re.DOTALL)


def failure_of(letter: DeadLetter) -> models.Failure:
    """What went wrong with a dead letter, from its traceback."""
    return failure_in(letter.error or "", letter.reason)


def failure_in(text: str, otherwise: str) -> models.Failure:
    """What a traceback, or a sentence, tells of.

    Args:
        otherwise: the type, where the text names none.
    """
    last = error_line(text)
    found = _LAST_LINE.fullmatch(last) if '\n  File "' in text else None
    kind, message = (found[1], found[2] or "") if found else (otherwise, last)
    return models.Failure(kind, message, None, fingerprint(kind, message))


def fingerprint(kind: str, message: str) -> str:
    """Equal for failures that differ by numbers and ids alone."""
    alike = f"{kind}: {_NUMBERS.sub('#', message)[:500]}"
    return hashlib.sha256(alike.encode()).hexdigest()[:12]
