"""The routes that motia brings along, as Django's views, and the stream socket under ASGI."""

from __future__ import annotations

from contextvars import Context
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from motia.errors import QueueUnavailable, StorageError
from motia.integrations.django.project import DjangoMotia, current_motia
from motia.integrations.django.reading import raw_path, read_request
from motia.integrations.django.responses import whole
from motia.integrations.django.streaming import streamed_async
from motia.routing import Router
from motia.web.answers import Answer
from motia.web.asgi import Receive, Scope, Send, path_of
from motia.web.builtin import built_in_routes, unanswered
from motia.web.failures import unavailable
from motia.web.health import HEALTH_PATH
from motia.web.streaming import StreamSocket
from motia.web.streams import Stream
from motia.web.visits import BuiltIn, Visit
from motia.web.workbench import Site, site_of

_WHO = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
"""What gives a request its session and its user; both only look when they are asked."""

_HEADER = "X-CSRFToken"


def site_in(motia: DjangoMotia) -> Site | None:
    """The Workbench that the settings ask for.

    Raises:
        ConfigError: it is wanted outside development, and nobody says who may see it.
    """
    return site_of(motia, motia.project.workbench, name=str(settings.ROOT_URLCONF).partition(".")[0])


def patterns_of(motia: DjangoMotia) -> list[URLPattern]:
    """The routes below the paths of streams and of the Workbench, and the one of health."""
    router = Router((route.path, route) for route in built_in_routes(motia, site_in(motia)))
    streams, workbench = motia.settings.streams_path, motia.settings.workbench_path
    exempt = csrf_exempt(_view(router, streams, 0))  # nothing there changes anything
    open_to_all = csrf_exempt(_view(router, HEALTH_PATH, 0))
    open_to_all.login_required = False  # as LoginRequiredMiddleware wants it said
    found = [
        path(f"{streams.removeprefix('/')}/<motia_rest:rest>", exempt, name="streams"),
        path(HEALTH_PATH.removeprefix("/"), open_to_all, {"rest": None}, name="health"),
    ]
    if router.match(workbench) is not None:
        view = _view(router, workbench, motia.settings.body_limit)
        found.append(path(f"{workbench.removeprefix('/')}", view, {"rest": None}, name="workbench"))
        found.append(path(f"{workbench.removeprefix('/')}/<motia_rest:rest>", view, name="workbench"))
    return found


def _view(router: Router[BuiltIn], base: str, limit: int) -> Any:
    """A view of the routes below a path; names there may have slashes of their own, which Django decodes.

    Args:
        limit: longest body in bytes.
    """

    @transaction.non_atomic_requests
    async def view(request: HttpRequest, rest: str | None) -> HttpResponseBase:
        raw = raw_path(request) or quote(request.path)
        below = raw[raw.find(base) :]
        found = router.match(below)
        if found is None:
            return whole(Answer(404, [], b""), request)
        root = request.path[: -len(base) - (0 if rest is None else 1 + len(rest))]
        return await _answered(*found, request, _Place(below, root, limit))

    return view


class _Place(NamedTuple):
    """Where a request goes: the path below the project's mount point, that point, and the longest body."""

    path: str
    root: str
    limit: int


async def _answered(route: BuiltIn, values: list[str], request: HttpRequest, place: _Place) -> HttpResponseBase:
    motia = current_motia()
    refusal = unanswered(route, str(request.method))
    read = refusal or read_request(request, dict(zip(route.path.params, values, strict=True)), place.limit)
    if isinstance(read, Answer):
        return whole(read, request)
    inline = not isinstance(request, ASGIRequest)
    visit = Visit(
        read.method,
        place.path,
        read.params,
        read.query,
        read.headers,
        request.META.get("REMOTE_ADDR", ""),
        request,
        read.body,
        inline=inline,
        root=place.root,
        csrf=(_HEADER, get_token(request)) if route.token else None,
    )
    if inline:
        # In a context of its own: in that of this request, hooks would wait for the thread that waits for them.
        call = partial(Context().run, _on_portal, motia, route, visit)
        try:
            answer = await sync_to_async(call, thread_sensitive=False)()
        except (QueueUnavailable, StorageError):  # as the app was to be opened
            answer = unavailable()
    else:
        answer = await route.answer(visit)
    if isinstance(answer.body, Stream):
        return await streamed_async(answer, request, motia.running)
    return whole(answer, request)


def _on_portal(motia: DjangoMotia, route: BuiltIn, visit: Visit) -> Answer:
    answer: Answer = motia.running.portal(route.answer(visit))
    return answer


async def serve_socket(scope: Scope, receive: Receive, send: Send) -> bool:
    """Serve a WebSocket to the streams; whether it was one."""
    motia = current_motia()
    if path_of(scope) != motia.settings.streams_path:
        return False
    await StreamSocket(motia, _request)(scope, receive, send)
    return True


def _request(scope: Scope) -> HttpRequest:
    """The handshake as a request of Django's, with session and user where the project has them."""
    request = ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO())
    for name in filter(settings.MIDDLEWARE.__contains__, _WHO):
        module, _, kind = name.rpartition(".")
        middleware: Any = getattr(import_module(module), kind)
        middleware(_unused).process_request(request)
    return request


def _unused(request: HttpRequest) -> HttpResponseBase:
    raise AssertionError("only the request is wanted of these middlewares")
