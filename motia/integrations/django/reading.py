"""From Django's request to ours: headers, body within the limits, form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException

from motia.errors import HttpError
from motia.web.answers import Answer
from motia.web.failures import error_answer, too_large
from motia.web.incoming import Incoming
from motia.web.wsgi import EnvironHeaders

_FORM, _FILES = "application/x-www-form-urlencoded", "multipart/form-data"


def read_request(request: HttpRequest, params: dict[str, str], limit: int) -> Incoming | Answer:
    """Our request, or the answer to one that is too much.

    Args:
        params: of the path, by name.
        limit: longest body in bytes; Django's own limits hold as well.
    """
    meta = request.META
    query = meta.get("QUERY_STRING", "")
    headers = EnvironHeaders(meta)
    incoming = Incoming(str(request.method), request.path, params, query, headers, b"", request, _fields)
    length = meta.get("CONTENT_LENGTH")
    if not length and "HTTP_TRANSFER_ENCODING" not in meta:
        return incoming
    body = _body(request, length or None, incoming.kind, limit)
    if isinstance(body, Answer):
        return body
    incoming.body = body
    if incoming.kind == _FORM and _too_many_fields(body):
        return error_answer(
            HttpError(400, "the form has more fields than DATA_UPLOAD_MAX_NUMBER_FIELDS", code="too_many_parameters")
        )
    return incoming


async def _fields(incoming: Incoming) -> Iterable[tuple[str, str]]:
    return form_fields(incoming.native)


def _body(request: HttpRequest, length: str | None, kind: str, limit: int) -> bytes | Answer:
    allowed = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    longest = min(limit, allowed or limit)
    told = int(length) if length is not None and length.isdigit() else 0
    if told > limit:
        return too_large(limit)
    if kind == _FILES and allowed is not None and told > allowed:
        return b""  # its files go to Django's upload handlers, and never whole into memory
    try:
        body = _chunked(request, limit) if length is None else request.body
    except RequestDataTooBig:
        return too_large(longest)
    except RawPostDataException:  # somebody before us has read the form
        return b""
    return body if len(body) <= longest else too_large(longest)


def _chunked(request: HttpRequest, limit: int) -> bytes:
    """A body that does not say how long it is. Under WSGI, Django takes such a one for empty."""
    environ: Any = getattr(request, "environ", None)
    if environ is not None and environ.get("wsgi.input_terminated") and not hasattr(request, "_body"):
        request._body = environ["wsgi.input"].read(limit + 1)
    body = request.body
    request.META["CONTENT_LENGTH"] = str(len(body))  # the form's parser believes it
    return body


def form_fields(request: HttpRequest) -> Iterable[tuple[str, str]]:
    """The fields of a multipart form; its files are on ``req.native.FILES``."""
    try:
        form = request.POST
    except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
        raise HttpError(400, f"the form cannot be read: {error}", code="malformed_form") from error
    if not form and not request.FILES and _has_no_part(request):
        raise HttpError(400, "the form cannot be read: no part begins with its boundary", code="malformed_form")
    return [(name, str(value)) for name, values in form.lists() for value in values]


def _has_no_part(request: HttpRequest) -> bool:
    """Whether there is something that is no form; Django takes it for an empty one."""
    boundary = (request.content_params or {}).get("boundary", "")
    body = getattr(request, "_body", b"")
    return bool(body) and f"--{boundary}".encode() not in body


def _too_many_fields(body: bytes) -> bool:
    allowed = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    return allowed is not None and body.count(b"&") + 1 > allowed


def raw_path(request: HttpRequest) -> str | None:
    """The path as it was sent, where that has encoded characters in it and the server tells."""
    if isinstance(request, ASGIRequest):
        raw = request.scope.get("raw_path") or b""
        told = raw.decode("latin-1") if b"%" in raw else ""
    else:
        told = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or ""
    return told.partition("?")[0] if "%" in told and told.startswith("/") else None
