"""The requests that Motia's handlers know: 1.x's, with a response to write to, and 0.x's, which was a dict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from motia.compat.channels import ChannelReader, MotiaHttpResponse
from motia.declarations import snake
from motia.requests import ApiRequest, QueryParams

BodyT = TypeVar("BodyT")


class MotiaHttpRequest(ApiRequest[BodyT]):
    """A request with its raw bytes under Motia's name."""

    __slots__ = ()

    @property
    def request_body(self) -> ChannelReader:
        """The raw bytes: ``await request_body.read_all()``, or ``async for chunk in request_body.stream``."""
        return ChannelReader(self.raw_body)

    @property
    def rawBody(self) -> str:  # noqa: N802  # Motia's name
        return self.raw_body.decode("utf-8", "replace")


class MotiaHttpArgs(MotiaHttpRequest[BodyT]):
    """What an http handler of 1.x is given: ``.request`` and ``.response``, and all of the request itself.

    Attributes:
        response: for an answer that is written piece by piece.
    """

    __slots__ = ("response",)

    def __init__(
        self, request: ApiRequest[Any] | None = None, response: MotiaHttpResponse | None = None, **fields: Any
    ) -> None:
        if request is None:
            super().__init__(**fields)
        else:
            for name in ("path_params", "query_params", "headers", "method", "path", "raw_body", "native"):
                setattr(self, name, getattr(request, name))
            self._extra = request._extra
            body: Any = request.body
            self.body = cast("BodyT", readable(body)) if isinstance(body, BaseModel) else body
        self.response = response or MotiaHttpResponse()

    @property
    def request(self) -> MotiaHttpArgs[BodyT]:
        return self


class LegacyRequest(dict[str, Any]):
    """What an http handler of 0.x is given: a dict, which answers to attributes and to the names of 1.x as well."""

    @classmethod
    def of(cls, request: ApiRequest[Any]) -> LegacyRequest:
        """The dict of a request; no body is an empty one, and a parameter that is repeated is a list."""
        made = cls(
            body={} if request.body is None else request.body,
            headers=dict(request.headers),
            pathParams=dict(request.path_params),
            queryParams=_query(request.query_params),
            rawBody=request.raw_body.decode("utf-8", "replace"),
            method=request.method,
            path=request.path,
        )
        made.update(request._extra or {})
        dict.__setattr__(made, "native", request.native)
        return made

    def __missing__(self, key: str) -> Any:
        name = _LEGACY.get(snake(key) if isinstance(key, str) else "")
        if name is None or name == key:
            raise KeyError(key)
        return self[name]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or (isinstance(key, str) and snake(key) in _LEGACY)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401  # this is what get() is made of

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(f"a request has no {name!r}; it has {', '.join(self)}")
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[_LEGACY.get(snake(name), name)] = value


_LEGACY = {
    "body": "body",
    "headers": "headers",
    "path_params": "pathParams",
    "params": "pathParams",
    "query_params": "queryParams",
    "query": "queryParams",
    "raw_body": "rawBody",
    "method": "method",
    "path": "path",
}


class Payload(dict[str, Any]):
    """The data of a 0.x event: a dict, whose entries early files read as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return payload(self[name])
        except KeyError:
            raise AttributeError(f"the input has no {name!r}; it has {', '.join(map(str, self))}") from None


def payload(value: Any) -> Any:
    """``value``, with attributes where it is a dict."""
    if type(value) is dict:
        return Payload(value)
    return [payload(item) for item in value] if type(value) is list else value


class _Readable:
    """A model that is also read as the dict it was made of."""

    def __getitem__(self, name: str) -> Any:
        fields: Mapping[str, Any] = self.model_dump()  # type: ignore[attr-defined]  # mixed into models
        return fields[name]

    def __contains__(self, name: str) -> bool:
        return name in self.model_dump()  # type: ignore[attr-defined]  # mixed into models

    def get(self, name: str, default: Any = None) -> Any:
        """The field as plain data, as in a dict."""
        return self.model_dump().get(name, default)  # type: ignore[attr-defined]  # mixed into models


def readable(model: BaseModel) -> BaseModel:
    """A copy of the model that handlers may read as a dict too: 1.0 validated nothing and gave them one."""
    made = model.model_copy()
    if not hasattr(type(model), "get") and not hasattr(type(model), "__getitem__"):
        object.__setattr__(made, "__class__", _kind_of(type(model)))
    return made


@cache
def _kind_of(kind: type[BaseModel]) -> type[BaseModel]:
    return type(kind.__name__, (_Readable, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def _query(params: Any) -> dict[str, Any]:
    if not isinstance(params, QueryParams):
        return dict(params)
    lists = {name: params.getlist(name) for name in params}
    return {name: values if len(values) > 1 else values[0] for name, values in lists.items()}


async def adapt_1x(req: Any, ctx: Any, following: Any) -> Any:
    """Outermost middleware of 1.x steps: all see one ``MotiaHttpArgs``."""
    return await following(as_args(req))


async def adapt_0x(req: Any, ctx: Any, following: Any) -> Any:
    """Outermost middleware of 0.x steps: all see one dict, which they may add to."""
    return await following(as_legacy(req))


def as_args(value: Any) -> Any:
    """An ``ApiRequest`` as ``MotiaHttpArgs``; anything else as it is."""
    return MotiaHttpArgs(value) if type(value) is ApiRequest else value


def as_legacy(value: Any) -> Any:
    """An ``ApiRequest`` or a payload, as 0.x gave it."""
    return LegacyRequest.of(value) if isinstance(value, ApiRequest) else payload(value)
