"""One request to the API: who asks, for what, with which body; and the answer, an error's among them."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from motia.app import Motia
from motia.codec import check_shape, loads, response_json
from motia.errors import (
    ConfigError,
    HttpError,
    PayloadError,
    PayloadTooLarge,
    QueueUnavailable,
    StorageError,
    UnknownStep,
    ValidationFailed,
)
from motia.messages import SubscriptionStats
from motia.queues.base import Queue
from motia.redaction import redact_text
from motia.traces.base import TraceStore
from motia.web.answers import JSON, Answer, clean_headers
from motia.web.visits import Visit
from motia.web.workbench.access import Caller, Site
from motia.web.workbench.curtain import Curtain
from motia.web.workbench.memory import Memory
from motia.web.workbench.models import Right

MAX_ROWS, ROWS = 200, 50
MAX_TEXT = 200
"""Characters of a text that is searched for."""
MAX_CURSOR = 2000
"""Characters of a cursor, which may be a name."""
PROBLEM = "application/problem+json"
_RANGES = {"5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
_STATUSES = frozenset(HTTPStatus)
_log = logging.getLogger("motia.workbench")


@dataclass(frozen=True)
class Ask:
    """What a handler of the API is given.

    Attributes:
        params: of the path, decoded.
        memory: of what was read a moment ago, for everybody.
    """

    site: Site
    visit: Visit
    caller: Caller
    params: Mapping[str, str]
    memory: Memory

    @property
    def motia(self) -> Motia:
        return self.site.motia

    @property
    def queue(self) -> Queue:
        """As operators see it: never inside a transaction of the request's."""
        queue: Queue = self.site.motia.running.backend.working.queue
        return queue

    async def stats(self) -> list[SubscriptionStats]:
        """How much is where in the queue, as of a moment ago."""
        return await self.memory.told("queue", self.queue.stats)

    @property
    def traces(self) -> TraceStore | None:
        """The recorded runs, those of other processes too; None where the backend keeps none."""
        store: TraceStore | None = self.site.motia.running.backend.working.traces
        return store

    @cached_property
    def curtain(self) -> Curtain:
        return Curtain(self.caller, self.site.workbench.redact)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The last value of each parameter, the empty ones left out.

        Raises:
            HttpError: 400; one of them is too long, or has a NUL, which some databases refuse.
        """
        try:
            found = dict(parse_qsl(self.visit.query, max_num_fields=50))
        except ValueError:
            raise HttpError(400, "expected at most 50 parameters") from None
        for name, value in found.items():
            if len(value) > (most := MAX_CURSOR if name == "cursor" else MAX_TEXT):
                raise HttpError(400, f"expected {name[:40]!r} to have at most {most} characters")
            if "\0" in value:
                raise HttpError(400, f"expected {name[:40]!r} to be text without NUL characters")
        return found

    @property
    def limit(self) -> int:
        """How many rows are wanted."""
        return min(MAX_ROWS, max(1, self.number("limit", ROWS)))

    def number(self, name: str, default: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
            raise HttpError(400, f"expected {name!r} to be a number, got {text!r}")
        return int(text)

    @property
    def range(self) -> tuple[str, int]:
        """How far back: its name, and seconds."""
        name = self.query.get("range", "1h")
        if name not in _RANGES:
            raise HttpError(400, f"expected a range of {', '.join(_RANGES)}, got {name!r}")
        return name, _RANGES[name]

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The object that was sent.

        Raises:
            HttpError: 400; it is none.
        """
        try:
            check_shape(self.visit.body)
            found = loads(self.visit.body or b"{}")
        except ValueError as error:
            raise HttpError(400, f"the body is not JSON: {error}", code="malformed_json") from error
        if not isinstance(found, Mapping):
            raise HttpError(400, f"expected the body to be an object, got {type(found).__name__}")
        return found

    def given(self, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """A member of the body.

        Raises:
            HttpError: 422; it is of another kind, or a text, or a list of such, with a NUL.
        """
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise HttpError(422, f"expected {name!r} to be {_KINDS.get(kind, 'something else')}, got {value!r:.100}")
        if any(isinstance(text, str) and "\0" in text for text in (value if isinstance(value, list) else [value])):
            raise HttpError(422, f"expected {name!r} to be text without NUL characters")
        return value


_KINDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
Handle = Callable[[Ask], Awaitable[Any]]


class Route(NamedTuple):
    """An address of the API.

    Attributes:
        path: below ``api/v1``.
        right: what it takes; None for what everybody may who is let in.
        status: of the answer where all went well.
        model: of the answer, where the handler's annotation does not tell.
    """

    method: str
    path: str
    handle: Handle
    right: Right | None = None
    status: int = 200
    model: Any = None


def answered(found: Any, status: int = 200) -> Answer:
    """A model as an answer."""
    if isinstance(found, Answer):
        return found
    return Answer(status, [("content-type", JSON), *_PRIVATE], response_json(found))


_PRIVATE = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("x-robots-tag", "noindex"))


def problem(error: HttpError) -> Answer:
    """An error as an answer."""
    phrase = HTTPStatus(error.status).phrase if error.status in _STATUSES else f"HTTP {error.status}"
    told = {
        "type": "about:blank",
        "title": phrase,
        "status": error.status,
        "detail": redact_text(error.message or phrase),
        "code": error.code or phrase.lower().replace(" ", "_").replace("-", "_"),
    }
    beside = error.details if isinstance(error.details, Mapping) else {"errors": error.details}
    told = {**beside, **told} if error.details is not None else told
    headers = [*clean_headers(error.headers, "the Workbench"), ("content-type", PROBLEM), *_PRIVATE]
    return Answer(error.status, headers, response_json(told))


def as_http(error: Exception) -> HttpError:
    """What an exception of a handler's is answered with."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, PayloadTooLarge):
        return HttpError(413, str(error), code="payload_too_large")
    if isinstance(error, ValidationFailed):
        return HttpError(422, str(error), code="validation_failed", details=error.errors)
    if isinstance(error, UnknownStep):
        return HttpError(404, str(error), code="unknown_step")
    if isinstance(error, (PayloadError, ConfigError)):
        return HttpError(422, str(error))
    if isinstance(error, (QueueUnavailable, StorageError)):
        _log.error("the Workbench could not reach a backend: %s", error)
        return HttpError(503, "a backend does not answer for the moment; try again", headers={"retry-after": "5"})
    _log.error("the Workbench failed", exc_info=error)
    return HttpError(500, "the Workbench failed; the log of the app says why")
