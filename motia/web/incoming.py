"""From a framework's request to the handler's ``ApiRequest``: query, body and form, parsed and validated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Any
from urllib.parse import parse_qsl

from motia.codec import MAX_KEYS, check_shape, loads
from motia.errors import HttpError, ValidationFailed
from motia.plans import Plan
from motia.requests import ApiRequest, QueryParams
from motia.schemas import Schema

_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
FORMS = frozenset({_URLENCODED, _MULTIPART})
"""Media types that browsers send forms as."""
_CHARSETS = frozenset({*aliases, *aliases.values(), "koi8_u"})
"""In Python's spelling. Others are not even looked up: it would remember each that it does not know, and has some that
no text is sent in, of which ``punycode`` is busy with a body of a megabyte for half a minute."""


class Incoming:
    """A request as an adapter hands it over.

    Attributes:
        params: decoded values of the path's parameters, by name.
        query: as it came, without the question mark.
        headers: names in lower case.
        body: the raw bytes, already within the limit.
        native: the framework's own request.
        form: reads the fields of a multipart body, where the framework can, or of one that somebody has read before,
            which is empty here; files are on ``native``.
        kind: the media type of the body, in lower case and without its parameters; empty where none is given.
    """

    __slots__ = ("body", "form", "headers", "kind", "method", "native", "params", "path", "query")

    def __init__(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        native: Any,
        form: Form | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.params = params
        self.query = query
        self.headers = headers
        self.body = body
        self.native = native
        self.form = form
        header = headers.get("content-type")
        self.kind = header.partition(";")[0].strip().lower() if header else ""


Form = Callable[[Incoming], Awaitable[Iterable[tuple[str, str]]]]


async def read_form(incoming: Incoming) -> QueryParams | None:
    """The fields of a form; None where the framework cannot parse it, and the body stays bytes.

    Raises:
        HttpError: 400; it is no form, or has too many fields.
    """
    if incoming.kind == _URLENCODED and (incoming.body or incoming.form is None):
        return _pairs(_text(incoming.body, "utf-8"))
    return None if incoming.form is None else QueryParams(await incoming.form(incoming))


def make_request(plan: Plan, incoming: Incoming, form: QueryParams | None = None) -> ApiRequest[Any]:
    """The handler's request.

    Args:
        form: the fields of the body, where it is one.

    Raises:
        HttpError: 400; the query or the body does not fit, or is not what its content type says.
    """
    try:
        body = _body(plan.schema, incoming) if form is None else _fields(plan.schema, form)
        query = _query(plan.query, incoming.query) if incoming.query or plan.query is not None else None
    except ValidationFailed as error:
        code = "malformed_json" if error.malformed else "validation_failed"
        raise HttpError(400, str(error), code=code, details=error.errors) from error
    return ApiRequest(
        body,
        incoming.params,
        query,
        incoming.headers,
        incoming.method,
        incoming.path,
        incoming.body,
        incoming.native,
    )


def _query(schema: Schema | None, text: str) -> Any:
    query = _pairs(text) if text else QueryParams()
    return query if schema is None else schema.from_python(query.shaped(schema.lists), "the query")


def _pairs(text: str) -> QueryParams:
    try:
        return QueryParams(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_KEYS))
    except ValueError as error:
        raise HttpError(400, f"expected at most {MAX_KEYS} parameters", code="too_many_parameters") from error


def _fields(schema: Schema | None, form: QueryParams) -> Any:
    return form if schema is None else schema.from_python(form.shaped(schema.lists), "the form")


def _body(schema: Schema | None, incoming: Incoming) -> Any:
    body, kind = incoming.body, incoming.kind
    if body and (kind == "application/json" or not kind or _is_json(kind)):
        try:
            check_shape(body)
        except ValueError as error:
            raise HttpError(400, f"the body is too complex: {error}", code="malformed_json") from error
        if schema is not None:
            return schema.from_json(body, "the body")
    parsed = _parsed(kind, incoming) if body else None
    return parsed if schema is None else schema.from_python(parsed, "the body")


def _parsed(kind: str, incoming: Incoming) -> Any:
    """A body by its type; without one, whatever is not JSON stays bytes."""
    if not kind:
        try:
            return loads(incoming.body)
        except ValueError:
            return incoming.body
    if _is_json(kind):
        return _json(incoming.body)
    if kind.startswith("text/"):
        return _text(incoming.body, _charset(incoming.headers["content-type"]))
    return incoming.body


def _json(body: bytes) -> Any:
    try:
        return loads(body)
    except ValueError as error:
        fault = {"loc": [], "msg": f"Invalid JSON: {error}", "type": "json_invalid"}
        raise ValidationFailed("the body", [fault], malformed=True) from error


def _text(body: bytes, charset: str) -> str:
    try:
        if normalize_encoding(charset) not in _CHARSETS:
            raise LookupError(charset)
        return body.decode(charset)
    except (UnicodeError, LookupError) as error:
        raise HttpError(400, f"the body is not valid {charset} text", code="malformed_text") from error


def _charset(header: str) -> str:
    _, found, rest = header.lower().partition("charset=")
    return rest.partition(";")[0].strip(" \"'") if found else "utf-8"


def _is_json(kind: str) -> bool:
    return kind in {"application/json", "text/json"} or kind.endswith("+json")
