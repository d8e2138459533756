"""From our answers to Django's responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from http.cookies import SimpleCookie
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders

from motia.web.answers import BODILESS, Answer
from motia.web.endpoint import Passed


class _Repeated(HttpResponseBase):
    """A response that may have a header more than once."""

    repeated: tuple[tuple[str, str], ...] = ()
    has_length = True

    def items(self) -> Any:
        own = super().items()
        if self.status_code in BODILESS or not self.has_length:  # some middleware gives every response a length
            own = [item for item in own if item[0].lower() != "content-length"]
        return [*own, *self.repeated]

    def put_headers(self, headers: Sequence[tuple[str, str]]) -> None:
        """Set the headers of an answer."""
        more = []
        for name, value in headers:
            if name == "content-type":
                self.headers["Content-Type"] = value
            elif name == "set-cookie" or name in self.headers:
                more.append((name, value))
            else:
                self.headers[name] = value
        if not any(name == "content-type" for name, _ in headers):
            del self.headers["Content-Type"]
        self.repeated = tuple(more)


class StepResponse(_Repeated, HttpResponse):
    """An answer as a whole."""


class StepStream(_Repeated, StreamingHttpResponse):
    """An answer that is made while it is sent."""


class PlainResponse(HttpResponse):
    """What most answers are: a body and its type.

    Made without Django's constructor, whose work is to check and to convert what has been checked here; the attributes
    that it sets beside these are the same for every response, and stand in the class.
    """

    def __init__(self, body: bytes, status: int, kind: str) -> None:
        self.headers = _CheckedHeaders(body, kind)
        self.cookies = SimpleCookie()
        self.status_code = status
        self._resource_closers: list[Any] = []
        self._container = [body]


for _name, _value in vars(HttpResponse(content_type="text/plain")).items():
    if _value is None or isinstance(_value, (bool, int)):
        setattr(PlainResponse, _name, _value)


class _CheckedHeaders(ResponseHeaders):
    """Headers to begin with. The middleware asks for several more, and is told that there are none without an error."""

    def __init__(self, body: bytes, kind: str) -> None:
        self._store = {
            "content-type": ("Content-Type", kind),
            "content-length": ("Content-Length", str(len(body))),
        }

    def __contains__(self, name: Any) -> bool:
        return name.lower() in self._store


def whole(answer: Answer | Passed, request: HttpRequest) -> HttpResponseBase:
    """The response for an answer that is no stream; ``HEAD`` gets its head alone."""
    if isinstance(answer, Passed):
        response: HttpResponseBase = answer.response
        return response
    body = answer.body if isinstance(answer.body, bytes) else b""
    if body and len(answer.headers) == 1 and request.method != "HEAD" and answer.headers[0][0] == "content-type":
        return PlainResponse(body, answer.status, answer.headers[0][1])
    made = StepResponse(b"" if request.method == "HEAD" else body, status=answer.status)
    made.put_headers(answer.headers)
    made.has_length = isinstance(answer.body, bytes)
    if isinstance(answer.body, bytes) and answer.status not in BODILESS:
        made.headers["Content-Length"] = str(len(body))
    return made


def stream(answer: Answer, chunks: Iterator[bytes] | AsyncIterator[bytes]) -> HttpResponseBase:
    """The response for a stream."""
    made = StepStream(chunks, status=answer.status)
    made.put_headers(answer.headers)
    return made
