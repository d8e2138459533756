"""Steps as routes of a Flask app."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, got_request_exception, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import PathConverter
from werkzeug.wrappers import Response as AnyResponse

from motia import ConfigError, HttpError, QueueUnavailable, StorageError
from motia.integrations.flask.reading import TooLarge, fields_of, read_body
from motia.integrations.flask.responses import make_response
from motia.integrations.flask.slashes import FOUND, Slashes
from motia.plans import Plan
from motia.routing import Router
from motia.triggers import HttpTrigger
from motia.web.answers import Answer
from motia.web.endpoint import Endpoint, Host, Passed, make_endpoints, respond, respond_here
from motia.web.failures import error_answer, too_large, unavailable
from motia.web.hosting import Hosted
from motia.web.incoming import Incoming
from motia.web.wsgi import EnvironHeaders

NAME = "motia"
"""Of the blueprint."""
View = Callable[..., Any]


class RestConverter(PathConverter):
    """The remainder of a path, which may be empty."""

    regex = r"[\s\S]*?"
    part_isolating = False


def add_routes(app: Flask, hosted: Hosted, prefix: str) -> None:
    """Register the blueprint of the steps, and what goes with it."""
    endpoints = list(make_endpoints(hosted.motia.registry.http, prefix).values())
    router = Router((next(iter(item.paths.values())), item) for item in endpoints)
    app.url_map.converters.setdefault("motia_rest", RestConverter)
    steps = Steps(app, hosted)
    blueprint = Blueprint(NAME, __name__)
    names: set[str] = set()
    for endpoint in endpoints:
        for plan in endpoint.plans.values():
            _add_rule(blueprint, steps, endpoint, plan, _unique(plan.name, names))
    app.register_blueprint(blueprint)
    app.before_request(steps.other_methods(router))
    app.wsgi_app = Slashes(app.wsgi_app, router, hosted.serve)  # type: ignore[method-assign]  # Flask's way to add middleware


def _add_rule(blueprint: Blueprint, steps: Steps, endpoint: Endpoint, plan: Plan, name: str) -> None:
    assert isinstance(plan.trigger, HttpTrigger)
    method = plan.trigger.method
    blueprint.add_url_rule(
        endpoint.paths[method].render("<{}>", "<motia_rest:{}>"),
        name,
        steps.view(endpoint, plan, name),
        methods=[method],
        provide_automatic_options=False,
        merge_slashes=False,
    )


def _unique(step: str, taken: set[str]) -> str:
    """A step's name as the name of an endpoint, which has no dots."""
    name = base = re.sub(r"\W+", "_", step).strip("_") or "step"
    if "." not in step and step.strip() == step:
        name = base = step
    count = 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    return name


class Steps:
    """What the views of one app share."""

    def __init__(self, app: Flask, hosted: Hosted) -> None:
        self._app = app
        self._hosted = hosted
        self._limit = hosted.motia.settings.body_limit
        debug = app.debug or hosted.motia.settings.debug
        self._inline = Host(debug, inline=True, passes=self._is_handled, response=AnyResponse)
        self._on_loop = self._inline._replace(inline=False)

    def view(self, endpoint: Endpoint, plan: Plan, name: str) -> View:
        """The view of a step, behind its ``dependencies``, the outermost first."""
        assert isinstance(plan.trigger, HttpTrigger)
        blocking = plan.is_blocking

        def view(**params: str) -> Any:
            native: Any = request._get_current_object()  # type: ignore[attr-defined]  # a proxy
            found = native.environ.get(FOUND)
            return self._answered(plan, native, params if found is None else endpoint.params(plan, found), blocking)

        view.__name__, view.__doc__ = name, plan.step.config.description
        wrapped: View = view
        for decorate in reversed(plan.trigger.dependencies):
            if not callable(decorate):
                raise ConfigError(
                    f"step {plan.name!r}: dependencies expected decorators of Flask views, got {decorate!r}"
                )
            wrapped = decorate(wrapped)
        return wrapped

    def other_methods(self, router: Router[Endpoint]) -> Callable[[], Response | None]:
        """A hook that answers methods which a step's path does not have, ``OPTIONS`` among them."""

        def answer() -> Response | None:
            error = request.routing_exception
            if not isinstance(error, MethodNotAllowed):
                return None
            found = router.match(request.environ.get("motia.path") or request.path)
            if found is None:
                return None
            allowed = {*found[0].allow.split(", "), *(error.valid_methods or ())}
            return self._response(_without_step(request.method, allowed))

        return answer

    def _answered(self, plan: Plan, native: Any, params: dict[str, str], blocking: bool) -> Any:
        try:
            body = read_body(native, self._limit)
        except TooLarge as refused:
            if self._is_registered(RequestEntityTooLarge()):
                raise RequestEntityTooLarge from None
            return self._response(too_large(refused.limit))
        environ = native.environ
        incoming = Incoming(
            native.method,
            native.path,
            params,
            environ.get("QUERY_STRING", ""),
            EnvironHeaders(environ),
            body,
            native,
            fields_of,
        )
        try:
            parts = self._hosted.running
        except (QueueUnavailable, StorageError):  # logged by the hook before the request
            return self._response(unavailable())
        if blocking:
            answer = respond_here(parts.dispatcher, plan, incoming, self._inline)
        else:
            answer = parts.portal(respond(parts.dispatcher, plan, incoming, self._on_loop))
        return answer.response if isinstance(answer, Passed) else self._response(answer)

    def _response(self, answer: Answer) -> Response:
        if answer.error is not None and answer.status >= 500:
            got_request_exception.send(self._app, _async_wrapper=self._app.ensure_sync, exception=answer.error)
        return make_response(self._app, answer, self._hosted)

    def _is_handled(self, error: Exception) -> bool:
        """Whether Flask answers an exception: its own kind, and those that the app has a handler for."""
        return isinstance(error, HTTPException) or self._is_registered(error)

    def _is_registered(self, error: Exception) -> bool:
        """Whether the app has a handler for exceptions like this one, other than one for all."""
        kinds = type(error).__mro__[: -len(Exception.__mro__)]
        codes: Sequence[int | None] = (getattr(error, "code", None), None)
        return any(
            kind in self._app.error_handler_spec[scope][code]
            for scope in (NAME, None)
            for code in codes
            for kind in kinds
            if kind is not HTTPException or code is None
        )


def _without_step(method: str, allowed: set[str]) -> Answer:
    allow = ", ".join(sorted(allowed))
    if method == "OPTIONS":
        return Answer(204, [("allow", allow)], b"")
    return error_answer(HttpError(405, f"expected one of {allow}, got {method}", headers={"allow": allow}))
