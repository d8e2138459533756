"""Every error motia raises.

    MotiaError
    ├── ConfigError              a declaration or setting is wrong; raised at start, never at first use
    │   ├── RegistrationError    steps collide or cannot be bound; lists every fault and the files it is in
    │   ├── MissingDependency    a driver or framework is not installed; names the extra that brings it
    │   └── InvalidName          a key, group or id is empty, too long or not text that can be kept
    ├── PayloadError             data that cannot become a message
    │   ├── UnserializablePayload    not strict JSON; names the path of the value
    │   └── PayloadTooLarge          longer than the payload limit
    ├── UnknownTopic             nobody subscribes to the topic (strict mode)
    ├── UnknownStep              no step of that name in this app
    ├── QueueUnavailable         the backend did not answer in time
    ├── StorageError             the backend answered with a failure that waiting does not cure
    │   ├── CorruptStore             the database file is damaged or is not a database
    │   └── ReadOnlyStore            the database cannot be written
    ├── NotOpen                  the app is used before it is opened or after it is closed
    ├── NoCurrentApp             an ambient function is used with no app opened
    ├── SyncUnsupported          an async-only backend or step is used from blocking code
    ├── LeaseLost                this delivery belongs to somebody else now; the transaction rolled back
    ├── UpdateError              an update op does not fit the stored value
    ├── ValidationFailed         an input does not fit its schema
    ├── HttpError                an http answer raised from anywhere in a step
    └── Decision                 a handler decides about its own delivery
        ├── Retry                    try again, now or after a time
        └── Discard                  never try again (alias NonRetryable)

A message says what was expected, what came, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

MAX_DELAY = 366 * 86_400.0
"""Seconds, a year: longest time that anything can be put off."""


class MotiaError(Exception):
    """Base of every error that motia raises."""


class ConfigError(MotiaError):
    """A declaration or a setting is wrong."""


class RegistrationError(ConfigError):
    """Steps collide or cannot be bound.

    Attributes:
        problems: one sentence per fault, in the order they were found.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the steps of this app:"
        super().__init__("\n  - ".join([head, *self.problems]))


class MissingDependency(ConfigError):
    """A driver or framework is not installed."""


class InvalidName(ConfigError):
    """A key, group or id is empty, too long, or not text that can be kept.

    Attributes:
        name: what was given.
    """

    def __init__(self, message: str, name: Any = None) -> None:
        self.name = name
        super().__init__(message)


class PayloadError(MotiaError):
    """Data that cannot become a message."""


class UnserializablePayload(PayloadError):
    """A value that strict JSON cannot carry.

    Attributes:
        path: where the value is, as a JSON path from ``$``.
        problem: what is wrong with it.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"payload at {path}: {problem}")


class PayloadTooLarge(PayloadError):
    """The encoded payload is longer than ``MotiaSettings.payload_limit``.

    Attributes:
        limit: what is allowed, in bytes.
    """

    def __init__(self, message: str, limit: int = 0) -> None:
        self.limit = limit
        super().__init__(message)


class UnknownTopic(MotiaError):
    """Nobody subscribes to the topic, and ``strict_topics`` is on."""


class UnknownStep(MotiaError):
    """No step of that name is registered in this app."""


class QueueUnavailable(MotiaError):
    """The backend did not answer within its deadline; a server may have done it. An http step answers 503."""


class StorageError(MotiaError):
    """The backend answered with a failure that waiting does not cure."""


class CorruptStore(StorageError):
    """The database file is damaged, or is not a database."""


class ReadOnlyStore(StorageError):
    """The database cannot be written: a read-only file or disk, or a full one."""


class NotOpen(MotiaError):
    """The app is used before it is opened, or after it is closed."""


class NoCurrentApp(MotiaError):
    """An ambient function such as ``motia.enqueue`` is used while no app is open in this process."""


class SyncUnsupported(MotiaError):
    """Blocking code met something that only works on an event loop."""


class LeaseLost(MotiaError):
    """The lease of this delivery has passed to another worker; what this run wrote was rolled back."""


class UpdateError(MotiaError):
    """An update op does not fit the stored value. Nothing was changed.

    Attributes:
        index: position of the op in the list that was given, from 0.
        code: stable name of the fault, such as ``increment.not_number``.
    """

    def __init__(self, index: int, code: str, problem: str) -> None:
        self.index = index
        self.code = code
        super().__init__(f"op {index}: {problem} ({code})")


class ValidationFailed(MotiaError):
    """An input does not fit its schema.

    Attributes:
        errors: the list of pydantic's error dictionaries (``loc``, ``msg``, ``type``), JSON-able.
        malformed: the text was not JSON at all.
    """

    def __init__(self, what: str, errors: Sequence[Mapping[str, Any]], *, malformed: bool = False) -> None:
        self.errors = [dict(error) for error in errors]
        self.malformed = malformed
        first = self.errors[0] if self.errors else {"loc": (), "msg": "invalid"}
        if malformed:
            super().__init__(f"{what} is not JSON: {str(first.get('msg')).removeprefix('Invalid JSON: ')}")
            return
        where = ".".join(str(part) for part in first.get("loc", ())) or "value"
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        super().__init__(f"{what} does not fit its schema: {where}: {first.get('msg')}{more}")


class HttpError(MotiaError):
    """An http answer, raised from anywhere in a step.

    Args:
        status: the status code, 400 to 599.
        message: shown to the client.
        code: a stable name for programs; default derived from the status (``not_found``).
        details: any JSON-able value, shown to the client.
        headers: added to the answer.

    Outside an http trigger it is an ordinary exception: the delivery is retried.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        details: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(status, int) or not 400 <= status <= 599:
            raise ValueError(
                f"HttpError expected a status from 400 to 599, got {status!r}; return an ApiResponse instead"
            )
        self.status = status
        self.code = code
        self.details = details
        self.headers = dict(headers or {})
        self.message = message
        super().__init__(message or f"HTTP {status}")


class Decision(MotiaError):
    """Base of the exceptions by which a handler decides about its own delivery."""


class Retry(Decision):
    """Try this delivery again.

    Args:
        reason: kept with the delivery.
        after: seconds (or a timedelta) to wait, at most a year; below 0 is 0. Default: the backoff of the step.

    Counts as an attempt; when the retries are used up the delivery is dead-lettered like any failure.

    Raises:
        ValueError: ``after`` is no such time, or stands where the reason belongs.
    """

    def __init__(self, reason: str = "retry requested", *, after: float | timedelta | None = None) -> None:
        if isinstance(reason, (int, float, timedelta)):
            raise ValueError(f"Retry expected a reason, got {reason!r}; write Retry(after={reason!r})")
        self.after = after.total_seconds() if isinstance(after, timedelta) else after
        if self.after is not None and not (isinstance(self.after, (int, float)) and self.after <= MAX_DELAY):
            raise ValueError(f"Retry expected after= to be 0 to {MAX_DELAY:.0f} seconds (a year), got {after!r}")
        super().__init__(reason)


class Discard(Decision):
    """Never try this delivery again: it is dead-lettered at once, with this reason."""


NonRetryable = Discard


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A sentence part naming the nearest known word, or the known words when none is near."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(sorted(known))}" if known else "none is known"
