"""The OpenAPI document of this API, for the page's types and for scripts: made of the handlers' own annotations."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from motia.routing import Path
from motia.version import __version__
from motia.web.answers import JSON, Answer
from motia.web.workbench import models
from motia.web.workbench.asking import PROBLEM, Ask, Route

_REFS = "#/components/schemas/{model}"


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Every address with what it answers."""
    kinds = [models.Problem, *(_kind_of(route) for route in routes)]
    adapters = [(index, "serialization", TypeAdapter(kind)) for index, kind in enumerate(kinds)]
    made, shared = TypeAdapter.json_schemas(adapters, ref_template=_REFS)  # type: ignore[arg-type]  # a literal
    paths: dict[str, dict[str, Any]] = {}
    for index, route in enumerate(routes, 1):
        path = Path.parse(route.path)
        item = paths.setdefault(path.render("{{{}}}", "{{{}}}"), {"parameters": _parameters(path)})
        item[route.method.lower()] = _operation(route, made[index, "serialization"], made[0, "serialization"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Workbench",
            "version": __version__,
            "description": "Names in paths that hold a slash or a percent sign are percent-encoded twice.",
        },
        "paths": paths,
        "components": {"schemas": shared.get("$defs", {})},
    }


def _kind_of(route: Route) -> Any:
    """What a handler answers; where that is an answer already, what its route says of it."""
    found = get_type_hints(route.handle)["return"]
    return route.model if found is Answer or route.model is not None else found


def _parameters(path: Path) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in path.params]


def _operation(route: Route, answer: Mapping[str, Any], problem: Mapping[str, Any]) -> dict[str, Any]:
    told = (inspect.getdoc(route.handle) or "").partition("\n\n")[0]
    operation: dict[str, Any] = {
        "operationId": f"{route.handle.__name__}_{route.method.lower()}",
        "responses": {
            str(route.status): {"description": "", "content": {JSON: {"schema": answer}}},
            "default": {"description": "an error", "content": {PROBLEM: {"schema": problem}}},
        },
    }
    if told:
        operation["description"] = told
    if route.right is not None:
        operation["x-right"] = route.right
        if route.method != "DELETE":
            operation["requestBody"] = {"content": {JSON: {"schema": {"type": "object"}}}}
    return operation


def document_route(routes: Sequence[Route]) -> Route:
    """The address of the document itself."""

    @lru_cache(1)
    def made() -> dict[str, Any]:
        return document(routes)

    async def openapi(ask: Ask) -> dict[str, Any]:
        return made()

    return Route("GET", "openapi.json", openapi)
