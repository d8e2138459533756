"""The one JSON shape of errors, and which answer an exception stands for."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from motia import tracing
from motia.codec import dumps
from motia.errors import (
    HttpError,
    InvalidName,
    PayloadError,
    PayloadTooLarge,
    QueueUnavailable,
    StorageError,
    UnserializablePayload,
)
from motia.messages import is_name
from motia.redaction import redact_text
from motia.requests import ApiRequest
from motia.runs import Run
from motia.tracing.faults import raised
from motia.web.answers import JSON, Answer, BadAnswer, clean_headers

_log = logging.getLogger("motia.http")
_UNAVAILABLE = "the service is unavailable for the moment; try again"


class StepErrorDetail(BaseModel):
    """What went wrong, for programs (``code``) and for people (``message``)."""

    code: str
    message: str
    details: Any = None
    trace_id: str


class StepError(BaseModel):
    """The body of every error answer, as documentation shows it."""

    error: StepErrorDetail


def error_answer(error: HttpError, trace_id: str | None = None, **beside: Any) -> Answer:
    """The answer an ``HttpError`` stands for.

    Args:
        trace_id: default: a new one, for answers that no step gave.
        beside: further keys of the body, next to ``error``.

    Raises:
        BadAnswer: one of its headers is not one.
    """
    phrase = HTTPStatus(error.status).phrase if error.status in _STATUSES else f"HTTP {error.status}"
    content: dict[str, Any] = {
        "code": error.code or re.sub(r"[^a-z0-9]+", "_", phrase.lower().replace("'", "")),
        "message": error.message or phrase,
    }
    if error.details is not None:
        content["details"] = to_jsonable_python(error.details, inf_nan_mode="null", fallback=str)
    content["trace_id"] = trace_id or tracing.new_trace().trace_id
    headers = [*clean_headers(error.headers, "an HttpError"), ("content-type", JSON)]
    return Answer(error.status, headers, json.dumps({"error": content, **beside}).encode(), error)


_STATUSES = frozenset(HTTPStatus)


def failed(run: Run, error: Exception, *, debug: bool) -> Answer:
    """The answer to a request whose step raised. What the client is not told is logged.

    Args:
        debug: show the text of unexpected errors.
    """
    trace_id = run.trace.trace_id
    if isinstance(error, HttpError):
        try:
            return error_answer(error, trace_id)
        except BadAnswer as bad:
            return failed(run, bad, debug=debug)
    if (refused := _refused(run.input, error)) is not None:
        return error_answer(refused, trace_id)._replace(error=error)
    fields: Mapping[str, Any] = {"motia": run.fields}
    if isinstance(error, (QueueUnavailable, StorageError)):
        _log.error("step %r could not reach its backend: %s", run.step, error, extra=fields)
        return unavailable(trace_id)
    if isinstance(error, BadAnswer):
        _log.error("step %r: %s", run.step, error, extra=fields)
    else:
        _log.error("step %r failed", run.step, exc_info=raised(error), extra=fields)
    message = redact_text(f"{type(error).__name__}: {error}") if debug else "internal server error"
    return error_answer(HttpError(500, message, code="internal_error"), trace_id)._replace(error=error)


def _refused(request: Any, error: Exception) -> HttpError | None:
    """What is answered where a step could not send or store something that came with the request as it is."""
    if not isinstance(request, ApiRequest):
        return None
    if isinstance(error, InvalidName) and _brought(request, error.name):
        return HttpError(400, f"the request has data that cannot be kept: {error}", code="unstorable_data")
    if not isinstance(error, PayloadError):
        return None
    if isinstance(error, PayloadTooLarge) and len(request.raw_body or b"") > error.limit:
        return HttpError(413, "the body is longer than what a message may have", code="body_too_large")
    try:
        dumps([request.body, request.path_params, request.query_params])
    except UnserializablePayload as own:
        if isinstance(error, UnserializablePayload) and own.problem == error.problem:
            return HttpError(400, f"the request has data that cannot be kept: {own.problem}", code="unstorable_data")
    return None


def _brought(request: ApiRequest[Any], name: Any) -> bool:
    """Whether a name that cannot be one came with the request, as it is or as the part that spoils it."""
    parts = [request.path_params, request.query_params, request.headers, request.body]
    return isinstance(name, str) and any(
        text == name or (text in name and not is_name(text)) for part in parts for text in _texts(part)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
    elif isinstance(value, BaseModel) or is_dataclass(value):
        yield from _texts(vars(value))


def not_met(run: Run) -> Answer:
    """The answer to a request that the step's condition refuses."""
    error = HttpError(422, f"the condition of step {run.step!r} is not met", code="condition_not_met")
    return error_answer(error, run.trace.trace_id, skipped=True)


def unavailable(trace_id: str | None = None) -> Answer:
    """The answer while the backend is away."""
    return error_answer(HttpError(503, _UNAVAILABLE, headers={"retry-after": "5"}), trace_id)


def too_large(limit: int) -> Answer:
    """The answer to a body over the limit."""
    return error_answer(HttpError(413, f"the body is longer than {limit} bytes", code="body_too_large"))
