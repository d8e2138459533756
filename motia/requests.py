"""The values an http step reads and returns, the same in every framework."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, Generic, TypeVar

from motia.declarations import snake

BodyT = TypeVar("BodyT")
_EMPTY: Mapping[str, Any] = {}
_NAMES = {"params": "path_params", "query": "query_params", "raw": "raw_body"}


class QueryParams(dict[str, str]):
    """Query parameters: ``query[k]`` is the last value, ``query.getlist(k)`` all of them.

    Args:
        pairs: of names and values; or a mapping, in which a list stands for several values.
    """

    __slots__ = ("_all",)

    def __init__(self, pairs: Any = ()) -> None:
        items = list(_pairs(pairs) if isinstance(pairs, Mapping) else pairs)
        super().__init__(items)
        self._all = items

    def getlist(self, key: str) -> list[str]:
        """Every value given for ``key``, in order."""
        return [value for name, value in self._all if name == key]

    def shaped(self, lists: Container[str]) -> dict[str, Any]:
        """As a schema takes it: all values of the names in ``lists``, the last one of any other."""
        return {name: self.getlist(name) if name in lists else value for name, value in self.items()}


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(values, QueryParams):
        yield from values._all
        return
    for name, value in values.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            yield name, item


class ApiRequest(Generic[BodyT]):
    """An http request as a handler sees it.

    Also readable as a mapping, and under Motia's other names: ``req["body"]``, ``req.get("pathParams")``,
    ``req.params``, ``req.query``. Middleware may set further keys: ``req["user"] = ...``.

    Attributes:
        body: the parsed body; an instance of the schema where the step has one; None without a body.
        path_params: decoded values of the path's parameters.
        query_params: ``QueryParams``, or an instance of the step's model.
        headers: names in lower case; the last value of each.
        method: in upper case.
        path: decoded, without the query.
        raw_body: the bytes as they came, for signatures.
        native: the framework's own request: user, session, files.
    """

    __slots__ = ("_extra", "_query", "body", "headers", "method", "native", "path", "path_params", "raw_body")

    def __init__(
        self,
        body: BodyT = None,  # type: ignore[assignment]  # a request without a body is made for tests of GET steps
        path_params: Mapping[str, Any] | None = None,
        query_params: Any = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        path: str = "/",
        raw_body: bytes = b"",
        native: Any = None,
    ) -> None:
        self.body = body
        self.path_params = _EMPTY if path_params is None else path_params
        self._query = QueryParams(query_params) if type(query_params) is dict else query_params
        self.headers = _EMPTY if headers is None else headers
        self.method = method
        self.path = path
        self.raw_body = raw_body
        self.native = native
        self._extra: dict[str, Any] | None = None

    @classmethod
    def read(cls, value: Any) -> ApiRequest[Any]:
        """A request from a mapping of ``body``, ``path_params``, ``query_params`` and ``headers``, in either spelling;
        anything else is the body of one."""
        parts = {snake(str(key)): part for key, part in value.items()} if isinstance(value, Mapping) else {}
        return ApiRequest(**parts) if parts and _GIVEN.issuperset(parts) else ApiRequest(value)

    @property
    def query_params(self) -> Any:
        if self._query is None:
            self._query = QueryParams()
        return self._query

    @query_params.setter
    def query_params(self, params: Any) -> None:
        self._query = params

    def __getitem__(self, key: str) -> Any:
        if self._extra is not None and key in self._extra:
            return self._extra[key]
        name = _field(key)
        if name is None:
            raise KeyError(key)
        return getattr(self, name)

    def __setitem__(self, key: str, value: Any) -> None:
        name = _field(key)
        if name is not None:
            setattr(self, name, value)
        else:
            self._extra = (self._extra or {}) | {key: value}

    def __contains__(self, key: str) -> bool:
        return _field(key) is not None or (self._extra is not None and key in self._extra)

    def __iter__(self) -> Iterator[str]:
        yield from _FIELDS
        yield from self._extra or ()

    def keys(self) -> list[str]:
        return list(self)

    def get(self, key: str, default: Any = None) -> Any:
        """The value under ``key``; ``default`` where there is none or it is None."""
        value = self[key] if key in self else None  # noqa: SIM401  # this is what get() is made of
        return default if value is None else value

    def __getattr__(self, name: str) -> Any:
        known = _field(name)
        if known is None:
            raise AttributeError(f"a request has no {name!r}; it has {', '.join(_FIELDS)}")
        return getattr(self, known)

    def __repr__(self) -> str:
        return f"<ApiRequest {self.method} {self.path}>"


_FIELDS = ("body", "path_params", "query_params", "headers", "method", "path", "raw_body", "native")


_GIVEN = frozenset({"body", "path_params", "query_params", "headers"})


def _field(key: str) -> str | None:
    if key in _FIELDS:
        return key
    name = snake(key)
    name = _NAMES.get(name, name)
    return name if name in _FIELDS else None


class ApiResponse(Generic[BodyT]):
    """What an http step answers with.

    Attributes:
        status: 100 to 599.
        body: None, text, bytes, anything with a JSON form, or an (async) generator to stream.
        headers: added to the answer; a list of values sets a header several times.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int = 200,
        body: BodyT = None,  # type: ignore[assignment]  # an answer without a body is common
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers: Mapping[str, Any] = headers or {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ApiResponse):
            return NotImplemented
        return (self.status, self.body, dict(self.headers)) == (other.status, other.body, dict(other.headers))

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable, like a list

    def __repr__(self) -> str:
        return f"ApiResponse(status={self.status!r}, body={self.body!r}, headers={dict(self.headers)!r})"
