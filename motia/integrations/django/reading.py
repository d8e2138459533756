"""From Django's request to ours: headers, body within the limits, form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException

from motia.errors import HttpError
from motia.web.answers import Answer
from motia.web.asgi import Scope, headers_of
from motia.web.failures import error_answer, too_large
from motia.web.incoming import Incoming

_FORM, _FILES = "application/x-www-form-urlencoded", "multipart/form-data"
_FORMS = frozenset({_FORM, _FILES})


def read_request(request: HttpRequest, params: dict[str, str], limit: int) -> Incoming | Answer:
    """Our request, or the answer to one that is too much.

    Args:
        params: of the path, by name.
        limit: longest body in bytes; Django's own limits hold as well.
    """
    headers = _headers(request)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    length = headers.get("content-length")
    body = b""
    if length is not None or "transfer-encoding" in headers:
        read = _body(request, length, kind, limit)
        if isinstance(read, Answer):
            return read
        body = read
    if kind == _FORM and _too_many_fields(body):
        return error_answer(
            HttpError(400, "the form has more fields than DATA_UPLOAD_MAX_NUMBER_FIELDS", code="too_many_parameters")
        )
    query = request.META.get("QUERY_STRING", "")
    form = partial(_fields, request) if kind in _FORMS else None
    return Incoming(str(request.method), request.path, params, query, headers, body, request, form)


async def _fields(request: HttpRequest) -> Iterable[tuple[str, str]]:
    return form_fields(request)


def _headers(request: HttpRequest) -> Mapping[str, str]:
    return headers_of(cast("Scope", request.scope)) if isinstance(request, ASGIRequest) else WsgiHeaders(request.META)


_BARE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@lru_cache(512)
def _key(name: str) -> str:
    return _BARE.get(name) or "HTTP_" + name.upper().replace("-", "_")


class WsgiHeaders(Mapping[str, str]):
    """The headers of a request under WSGI, in lower case. Most steps look at one or two, so they are found one by one.

    Args:
        environ: of the request.
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, default: Any = None) -> Any:
        return self._environ.get(_key(name)) or default

    def __getitem__(self, name: str) -> str:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return str(found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            if key.startswith("HTTP_"):
                yield key[5:].replace("_", "-").lower()
        yield from (name for name, key in _BARE.items() if self._environ.get(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _body(request: HttpRequest, length: str | None, kind: str, limit: int) -> bytes | Answer:
    allowed = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    told = int(length) if length is not None and length.isdigit() else 0
    if told > limit:
        return too_large(limit)
    if kind == _FILES and allowed is not None and told > allowed:
        return b""  # its files go to Django's upload handlers, and never whole into memory
    try:
        body = _chunked(request, limit) if length is None else request.body
    except RequestDataTooBig:
        return too_large(min(limit, allowed or limit))
    except RawPostDataException:  # somebody before us has read the form
        return b""
    return body if len(body) <= min(limit, allowed or limit) else too_large(min(limit, allowed or limit))


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
    """The path as it was sent, still percent-encoded; None where the server does not tell."""
    if isinstance(request, ASGIRequest):
        raw = request.scope.get("raw_path") or b""
        return raw.decode("latin-1").partition("?")[0] or None
    told = request.META.get("RAW_URI") or request.META.get("REQUEST_URI")
    return str(told).partition("?")[0] if told and str(told).startswith("/") else None
