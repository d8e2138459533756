"""The app that the suite of adapters sends its requests to."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from motia import ApiRequest, Motia, MotiaSettings, Step
from motia.testing.conformance.adapter_events import authenticate, following
from motia.testing.conformance.adapter_results import (
    BAD_RESULTS,
    ERRORS,
    JSON_SCHEMA,
    RESULTS,
    VALIDATED,
    Accepted,
    Item,
    Named,
    Order,
    Point,
    Search,
)
from motia.testing.conformance.adapter_runs import layered, running, streaming
from motia.testing.conformance.adapter_spying import route, spying

BODY_LIMIT = 64 * 1024
Upload = Callable[[Any], Awaitable[bytes] | bytes]


def _shown(value: Any) -> Any:
    """A body in a form that the test can compare: its type, and itself."""
    plain = value.model_dump() if isinstance(value, BaseModel) else value
    return {"type": type(value).__name__, "value": plain.hex() if isinstance(plain, bytes) else plain}


async def _params(req: ApiRequest[Any]) -> Any:
    return dict(req.path_params)


async def _static(req: ApiRequest[Any]) -> Any:
    return "static"


async def _body(req: ApiRequest[Any]) -> Any:
    return _shown(req.body)


def reading() -> list[Step[..., Any]]:
    """Steps that answer with what they were given."""

    @route("POST", "/annotated")
    async def annotated(req: ApiRequest[Order]) -> Any:
        return _shown(req.body)

    @route("POST", "/parameter")
    def parameter(order: Order) -> Any:
        return _shown(order)

    @route("POST", "/dataclass", body_schema=Point)
    def point(req: ApiRequest[Point]) -> Any:
        return {"type": type(req.body).__name__, "value": [req.body.x, req.body.y]}

    @route("POST", "/digest")
    def digest(req: ApiRequest[Any]) -> str:
        return hashlib.sha256(req.raw_body).hexdigest()

    @route("GET", "/query", query_params=[{"name": "tag", "description": "any number of times"}])
    def query(req: ApiRequest[Any]) -> Any:
        return {"last": dict(req.query_params), "all": req.query_params.getlist("tag")}

    @route("GET", "/search", query_params=Search)
    async def search(query: Any) -> Any:
        return _shown(query)

    @route("POST", "/form")
    async def form(req: ApiRequest[Any]) -> Any:
        return {"fields": dict(req.body), "tags": req.body.getlist("tags")}

    @route("PUT", "/request/:id")
    async def whole(req: ApiRequest[Any]) -> Any:
        copied = dict(req.headers)
        seen = {"method": req.method, "path": req.path, "native": req.native is not None}
        return {**seen, "headers": req.headers, "copied": copied}

    paths = ["/params/:id", "/braces/{id}", "/two/:a/x/:b", "/files/*rest", "/café/:name", "/params/:id/*more"]
    bodies = {"/model": Order, "/typeddict": Named, "/jsonschema": JSON_SCHEMA, "/optional": Item | None, "/any": None}
    return [
        annotated, parameter, point, digest, query, search, form, whole,
        route("GET", "/params/static")(_static),
        *(route("GET", path)(_params) for path in paths),
        *(route("POST", path, body_schema=schema)(_body) for path, schema in bodies.items()),
    ]  # fmt: skip


def answering() -> list[Step[..., Any]]:
    """Steps that answer with one of the results above, or raise one of the errors."""
    wrong = {kind: result for kind, (result, _) in BAD_RESULTS.items()}

    @route("GET", "/result/:kind")
    async def result(req: ApiRequest[Any]) -> Any:
        return (RESULTS | wrong)[req.path_params["kind"]]()

    @route("GET", "/sync-result/:kind")
    def sync_result(req: ApiRequest[Any]) -> Any:
        return (RESULTS | wrong)[req.path_params["kind"]]()

    @route("GET", "/validated/:kind", response_schema={201: Accepted})
    async def validated(req: ApiRequest[Any]) -> Any:
        return VALIDATED[req.path_params["kind"]]()

    @route("GET", "/error/:kind")
    async def error(req: ApiRequest[Any]) -> Any:
        raise ERRORS[req.path_params["kind"]]()

    @route("GET", "/sync-error/:kind")
    def sync_error(req: ApiRequest[Any]) -> Any:
        raise ERRORS[req.path_params["kind"]]()

    methods = [route(method, "/methods")(lambda req: {"answered": True}) for method in ("GET", "PUT")]
    return [result, sync_result, validated, error, sync_error, *methods]


def uploading(upload: Upload) -> Step[..., Any]:
    """A step that reads the file of a form from the framework's own request."""

    @route("POST", "/upload")
    async def uploaded(req: ApiRequest[Any]) -> Any:
        content = upload(req.native)
        content = await content if inspect.isawaitable(content) else content
        return {"fields": dict(req.body), "file": content.hex()}

    return uploaded


def conformance_app(upload: Upload) -> Motia:
    """The app that an adapter serves for the suite, with its worker in the same process.

    Args:
        upload: the content of the file in the form's field ``file``, given ``req.native``; may be ``async def``.
    """
    steps = [*reading(), uploading(upload), *answering(), *streaming(), *running(), *layered(), *spying(), *following()]
    settings = MotiaSettings(body_limit=BODY_LIMIT, threads=200)
    return Motia("memory:", steps=steps, authenticate=authenticate, settings=settings)
