"""The body of a Flask request within the limits, and its form."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from motia import HttpError
from motia.web.incoming import Incoming
from motia.web.wsgi import BodyTooLarge, Bounded


class TooLarge(Exception):  # what happened, told between two functions
    """The body is longer than the limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit


def read_body(request: Request, limit: int) -> bytes:
    """The body of a request, which stays readable as ``request.form`` and the like.

    Where a hook has read the form before, it is empty: the fields are on the request.

    Raises:
        TooLarge: it says, or shows, that it has more than ``limit`` bytes, or than ``MAX_CONTENT_LENGTH``.
    """
    limit = min(limit, request.max_content_length or limit)
    environ = request.environ
    told = environ.get("CONTENT_LENGTH") or "0"
    if told.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ and "stream" not in request.__dict__:
        return _read_whole(environ, int(told), limit)
    length = request.content_length
    if length is not None and length > limit:
        raise TooLarge(limit)
    if length is None and environ.get("wsgi.input_terminated") and "stream" not in request.__dict__:
        environ["wsgi.input"] = Bounded(environ["wsgi.input"], limit)
    try:
        body: bytes = request.get_data()
    except (BodyTooLarge, RequestEntityTooLarge):
        raise TooLarge(limit) from None
    if len(body) > limit:
        raise TooLarge(limit)
    return body


def _read_whole(environ: dict[str, Any], length: int, limit: int) -> bytes:
    """The body of a request that tells its length, left to be read again."""
    if length > limit:
        raise TooLarge(limit)
    if length == 0:
        return b""
    stream, parts, left = environ["wsgi.input"], [], length
    while left > 0:
        part = stream.read(left)
        if not part:
            raise ClientDisconnected
        parts.append(part)
        left -= len(part)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


async def fields_of(incoming: Incoming) -> Iterable[tuple[str, str]]:
    """The fields of a form; its files are on ``req.native.files``.

    Raises:
        HttpError: 400; the form cannot be read.
    """
    request, body = incoming.native, incoming.body
    fields = list(request.form.items(multi=True))
    if not fields and not request.files and body:
        parser = request.make_form_data_parser()
        parser.silent = False  # Flask takes a broken form for an empty one
        try:
            parser.parse(io.BytesIO(body), request.mimetype, len(body), dict(request.mimetype_params))
        except ValueError as error:
            raise HttpError(400, f"the form cannot be read: {error}", code="malformed_form") from error
    return fields
