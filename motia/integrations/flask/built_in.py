"""The routes that motia brings along itself, in the blueprint of the steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from motia import QueueUnavailable, StorageError
from motia.integrations.flask.reading import TooLarge, read_body
from motia.integrations.flask.responses import make_response
from motia.web.answers import Answer
from motia.web.builtin import built_in_routes, unanswered
from motia.web.failures import too_large, unavailable
from motia.web.hosting import Hosted
from motia.web.visits import BuiltIn, Visit
from motia.web.workbench import Site
from motia.web.wsgi import EnvironHeaders, path_of

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def add_built_in(app: Flask, hosted: Hosted, workbench: Site | None) -> None:
    """Serve streams as server-sent events, and whatever else needs no framework. WebSockets need ASGI."""
    blueprint = Blueprint("motia_built_in", __name__)
    for number, route in enumerate(built_in_routes(hosted.motia, workbench)):
        blueprint.add_url_rule(
            route.path.render("<{}>", "<motia_rest:{}>"),
            f"route_{number}",
            _view(app, hosted, route),
            methods=METHODS,
            provide_automatic_options=False,
            merge_slashes=False,
        )
    app.register_blueprint(blueprint)


def _view(app: Flask, hosted: Hosted, route: BuiltIn) -> Callable[..., Response]:
    def view(**params: str) -> Response:
        answer = unanswered(route, request.method) or _answered(hosted, route, params)
        return make_response(app, answer, hosted)

    return view


def _answered(hosted: Hosted, route: BuiltIn, params: dict[str, str]) -> Answer:
    native: Any = request._get_current_object()  # type: ignore[attr-defined]  # a proxy
    environ = native.environ
    try:
        parts = hosted.running
        visit = Visit(
            native.method,
            path_of(environ),
            params,
            environ.get("QUERY_STRING", ""),
            EnvironHeaders(environ),
            native.remote_addr or "",
            native,
            read_body(native, hosted.motia.settings.body_limit),
            inline=True,
            root=environ.get("SCRIPT_NAME", "").rstrip("/"),
            csrf=_token() if route.token else None,
        )
    except TooLarge as refused:
        return too_large(refused.limit)
    except (QueueUnavailable, StorageError):
        return unavailable()
    answer: Answer = parts.portal(route.answer(visit))
    return answer


def _token() -> tuple[str, str] | None:
    """The token of Flask-WTF or Flask-SeaSurf, which both give their templates under this name."""
    make = current_app.jinja_env.globals.get("csrf_token")
    return ("X-CSRFToken", str(make())) if callable(make) else None
