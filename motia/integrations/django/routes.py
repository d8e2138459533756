"""From the paths of steps to routes of Django's."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.urls import URLPattern, clear_url_caches, path, re_path, register_converter
from django.urls.converters import StringConverter

from motia.errors import MotiaError
from motia.integrations.django.built_in import patterns_of
from motia.integrations.django.project import current_motia
from motia.integrations.django.views import make_view
from motia.routing import Path, Router
from motia.web.endpoint import Endpoint, make_endpoints
from motia.web.health import HEALTH_PATH

_ORDER = {"static": 0, "param": 1, "rest": 2}


class _Rest(StringConverter):
    """The remainder of a path; may be empty."""

    regex = r"[\s\S]*"


register_converter(_Rest, "motia_rest")


def build() -> list[URLPattern]:
    """The routes, in the order in which the first that matches is the right one."""
    endpoints = list(make_endpoints(current_motia().registry.http).values())
    router = Router((_path(item), item) for item in endpoints)
    settings = current_motia().settings
    own = {path.split("/")[1] for path in (settings.streams_path, settings.workbench_path, HEALTH_PATH)}
    apart: list[URLPattern] = []
    others: list[URLPattern] = []
    for endpoint in sorted(endpoints, key=_precedence):
        view = make_view(endpoint, router.match)
        for method, declared in endpoint.paths.items():
            route = declared.render("<str:{}>", "<motia_rest:{}>").removeprefix("/")
            found = others if route.startswith("<") or route.partition("/")[0] in own else apart
            found.append(path(route, view, name=endpoint.plans[method].name))
    return [*apart, *patterns_of(current_motia()), *others]  # most requests are for steps


def _path(endpoint: Endpoint) -> Path:
    return next(iter(endpoint.paths.values()))


def _precedence(endpoint: Endpoint) -> list[int]:
    return [_ORDER[segment.kind] for segment in _path(endpoint).segments]


patterns: list[URLPattern] = []
"""The routes; empty until the URLconf is loaded."""


def rebuild() -> None:
    """Make the routes anew. Where the steps do not fit, whoever asks for one is told, and the checks list why."""
    try:
        patterns[:] = build()
    except MotiaError as error:
        patterns[:] = [re_path("", partial(_broken, error))]
    clear_url_caches()


def rebuild_if_used() -> None:
    """See ``rebuild``; nothing as long as the URLconf is not loaded."""
    if patterns:
        rebuild()


def _broken(error: MotiaError, request: Any) -> Any:
    raise error
