"""From what a handler returns to status, headers and body.

The rules, in order: an ``ApiResponse``; a dict with ``status`` (or ``status_code``) and ``body``, or with nothing that
an answer does not have; an error dict, ``{"error": ..., "status": 404}``; None is 204; anything else is 200 with that
body.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from motia.codec import response_json
from motia.errors import MotiaError, ValidationFailed
from motia.plans import Plan
from motia.requests import ApiResponse
from motia.web.streams import EVENTS, Stream

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
NDJSON = "application/x-ndjson"
BODILESS = frozenset({204, 205, 304})
"""Statuses whose answers have no body, by RFC 9110."""
_ENVELOPE = frozenset({"status", "status_code", "statusCode", "body", "headers"})
_STATUS_KEYS = ("status", "status_code", "statusCode")
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade"}
)  # fmt: skip
_SERVERS_OWN = _HOP_BY_HOP | {"content-length"}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110 section 5: no CR, LF, NUL or other control can split an answer."""


class BadAnswer(MotiaError):
    """A handler returned something that is no http answer."""


class Answer(NamedTuple):
    """An http answer, ready for a framework.

    Attributes:
        error: what the step raised, where the answer tells of an error.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Stream
    error: Exception | None = None


def make_answer(plan: Plan, result: Any) -> Answer:
    """The answer a handler's result stands for.

    Raises:
        BadAnswer: a status outside 200 to 599, a header with control characters, a body without JSON form, or one
            that does not fit the step's ``response_schema``.
    """
    response = result if isinstance(result, ApiResponse) else as_response(result)
    status = _status(response.status)
    headers = list(clean_headers(response.headers, "it")) if response.headers else []
    body = response.body
    if body is None or status in BODILESS:
        return Answer(status, headers, b"")
    given = next((value for name, value in headers if name == "content-type"), None) if headers else None
    if _is_stream(type(body)):  # type: ignore[arg-type]  # mypy has classes for unhashable
        return _streamed(status, headers, body, given)
    payload, kind = _payload(plan, status, body)
    if given is None:
        headers.append(("content-type", kind))
    return Answer(status, headers, payload)


def as_response(result: Any) -> ApiResponse[Any]:
    """What a handler returned, as an ``ApiResponse``."""
    if isinstance(result, ApiResponse):
        return result
    if result is None:
        return ApiResponse(204)
    if isinstance(result, Mapping):
        return _from_mapping(result)
    return ApiResponse(200, result)


def _from_mapping(result: Mapping[str, Any]) -> ApiResponse[Any]:
    key = next((name for name in _STATUS_KEYS if name in result), None)
    status = result[key] if key else None
    if key is None or isinstance(status, bool) or not isinstance(status, int):
        return ApiResponse(200, result)
    if _ENVELOPE.issuperset(result) or ("body" in result and 100 <= status <= 599):
        return ApiResponse(status, result.get("body"), result.get("headers"))
    if "error" in result and 200 <= status <= 599:
        return ApiResponse(status, {name: value for name, value in result.items() if name != key})
    return ApiResponse(200, result)


def _payload(plan: Plan, status: int, body: Any) -> tuple[bytes, str]:
    schema = plan.responses.get(status)
    if schema is not None:
        try:
            return schema.to_json(body, f"the {status} answer"), JSON
        except ValidationFailed as error:
            raise BadAnswer(f"it returned a body that does not fit its response_schema: {error}") from error
    if isinstance(body, str):
        return _encoded(body), TEXT
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), "application/octet-stream"
    if isinstance(body, (set, frozenset)):
        raise BadAnswer("it returned a set, which has no order; return a list")
    try:
        return response_json(body), JSON
    except MotiaError as error:
        raise BadAnswer(f"it returned {type(body).__name__}: {error}") from error


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadAnswer("it returned text with a lone surrogate, which is not valid Unicode") from None


def _status(status: Any) -> int:
    if type(status) is int and 200 <= status <= 599:
        return status
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise BadAnswer(f"it returned the status {status!r}; expected an integer from 200 to 599")
    return int(status)


def clean_headers(headers: Any, whose: str) -> Iterator[tuple[str, str]]:
    """Headers with names in lower case, without those that are the server's own business.

    Raises:
        BadAnswer: a name or a value has characters that could split the answer.
    """
    if not isinstance(headers, Mapping):
        raise BadAnswer(f"{whose} has headers {headers!r}; expected a mapping")
    for name, value in headers.items():
        lower = str(name).lower()
        if not _HEADER_NAME.fullmatch(lower):
            raise BadAnswer(f"{whose} has a header named {name!r}, which is not a header name")
        if lower not in _SERVERS_OWN:
            for item in value if isinstance(value, (list, tuple)) else (value,):
                yield lower, _clean(whose, lower, item)


def _clean(whose: str, name: str, value: Any) -> str:
    text = value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else "\0"
    if not _HEADER_VALUE.fullmatch(text):
        raise BadAnswer(f"{whose} has a header {name!r} with a value that a header cannot have")
    return text.strip()


@lru_cache(1024)
def _is_stream(kind: type) -> bool:
    return issubclass(kind, (Iterator, AsyncIterable))


def _streamed(status: int, headers: list[tuple[str, str]], body: Any, given: str | None) -> Answer:
    """A body that is made while it is sent: events where the content type says so, else lines of JSON."""
    events = given is not None and given.lower().startswith(EVENTS)
    if given is None:
        headers.append(("content-type", NDJSON))
    if events:
        known = {name for name, _ in headers}
        headers += [item for item in _EVENT_HEADERS if item[0] not in known]
    items: AsyncIterator[Any] | Iterator[Any] = aiter(body) if hasattr(body, "__aiter__") else body
    return Answer(status, headers, Stream(items, events=events))


_EVENT_HEADERS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
"""Events must reach the client as they happen, past caches and past nginx."""
