"""From our answers to Flask's responses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from flask import Flask, Response, request, stream_with_context
from werkzeug.datastructures import Headers

from motia.web.answers import BODILESS, Answer
from motia.web.hosting import Hosted
from motia.web.pulled import chunks_of


class WholeResponse(Response):
    """An answer that is complete. Where nobody looks at its headers on the way out, none are made for looking at."""

    def __init__(self, answer: Answer, body: bytes) -> None:
        self._head = answer.headers
        if answer.status not in BODILESS:
            self._head = [*answer.headers, ("content-length", str(len(body)))]
        self._whole = self.response = [body]
        self.status = answer.status
        self._told = answer.status
        self.direct_passthrough = False
        self._on_close = []

    @cached_property
    def headers(self) -> Headers:  # type: ignore[override]  # what is an attribute there
        return Headers(self._head)

    def get_wsgi_response(self, environ: Any) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        touched = "headers" in self.__dict__ or self.response is not self._whole or self._on_close
        if touched or self.status_code != self._told or environ["REQUEST_METHOD"] == "HEAD":
            return super().get_wsgi_response(environ)
        return self._whole, self.status, self._head


def make_response(app: Flask, answer: Answer, hosted: Hosted) -> Response:
    """The response of the app's own class; the request's context stays while a stream is sent."""
    body = answer.body
    if isinstance(body, bytes):
        return WholeResponse(answer, body) if app.response_class is Response else _made(app, answer, body)
    if request.method == "HEAD":
        return _made(app, answer, iter(()))
    parts = hosted.running
    chunks = chunks_of(answer, parts.portal, parts.threads)
    if isinstance(chunks, Answer):
        return make_response(app, chunks, hosted)
    return _made(app, answer, stream_with_context(chunks))


def _made(app: Flask, answer: Answer, body: object) -> Response:
    response = app.response_class(body, answer.status, Headers(answer.headers))  # type: ignore[arg-type]  # any iterable
    if not any(name == "content-type" for name, _ in answer.headers):
        del response.headers["content-type"]  # the class has a default
    return response
