"""A step against the same view written by hand in Django, in one process, taken in turns, under WSGI and under ASGI."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from benchmarks.http import BODY, Accepted, NewOrder, create, create_sync
from benchmarks.tables import heading, median, table

ROUNDS, REQUESTS = 15, 200
ANSWER = b'{"order_id":"7","pieces":3}'
MIDDLEWARE = [  # those of startproject
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def accept(request: HttpRequest, order_id: str) -> HttpResponse:
    """What the steps do: validate the body and the answer, and say what does not fit."""
    try:
        order = NewOrder.model_validate_json(request.body)
    except ValidationError as error:
        return JsonResponse({"error": error.errors()}, status=400)
    accepted = Accepted(order_id=order_id, pieces=sum(item.quantity for item in order.items))
    return HttpResponse(accepted.model_dump_json(), status=201, content_type="application/json")


@csrf_exempt
@require_POST
def by_hand(request: HttpRequest, order_id: str) -> HttpResponse:
    return accept(request, order_id)


@csrf_exempt
@require_POST
async def by_hand_async(request: HttpRequest, order_id: str) -> HttpResponse:
    return accept(request, order_id)


def configure() -> None:
    settings.configure(
        SECRET_KEY="of a benchmark",
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=HAND,
        MIDDLEWARE=MIDDLEWARE,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "motia.integrations.django",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        MOTIA={"STEPS": [create, create_sync]},
    )
    django.setup()
    HAND.urlpatterns = [
        path("", include([path("async/<str:order_id>", by_hand_async), path("sync/<str:order_id>", by_hand)]))
    ]
    STEP.urlpatterns = [path("", include("motia.integrations.django.urls"))]


class URLs:
    """A URLconf: each kind has one of its own, so that neither stands behind the other."""

    urlpatterns: Sequence[Any] = ()  # filled once Django is set up


HAND, STEP = URLs(), URLs()


def wsgi_once(app: Any, target: str) -> bytes:
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": target,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": "benchmark",
        "HTTP_ACCEPT": "*/*",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(BODY),
        "wsgi.errors": io.StringIO(),
    }
    told: list[str] = []
    response = app(environ, lambda status, headers, exc_info=None: told.append(status))
    body = b"".join(response)
    response.close()
    assert told == ["201 Created"], (told, body)
    return body


async def asgi_once(app: Any, target: str) -> bytes:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": target,
        "raw_path": target.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(BODY)).encode()),
            (b"user-agent", b"benchmark"),
            (b"accept", b"*/*"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []
    given = False

    async def receive() -> dict[str, Any]:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 201, sent
    return b"".join(message.get("body", b"") for message in sent[1:])


async def compare(once: Callable[[str], Awaitable[bytes]], kind: str, target: str) -> list[object]:
    sides = {"by hand": HAND, "step": STEP}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, urls in sides.items():
            settings.ROOT_URLCONF = urls
            assert await once(target) == ANSWER
            began = time.perf_counter()
            for _ in range(REQUESTS):
                await once(target)
            found[name].append((time.perf_counter() - began) / REQUESTS * 1e6)
    ratios = [hand / ours for hand, ours in zip(found["by hand"], found["step"], strict=True)]
    return [kind, *(f"{median(values):.0f}" for values in found.values()), f"{median(ratios):.2f}"]


def driven(work: Any) -> Any:
    """Run a coroutine that never waits, without an event loop: that is how WSGI is measured."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


def measure() -> list[list[object]]:
    wsgi, asgi = get_wsgi_application(), get_asgi_application()

    async def plain(target: str) -> bytes:
        return wsgi_once(wsgi, target)

    async def over_asgi(target: str) -> bytes:
        return await asgi_once(asgi, target)

    kinds = {"def": "/sync/7", "async def": "/async/7"}
    rows = [driven(compare(plain, f"WSGI, {kind}", target)) for kind, target in kinds.items()]
    return [*rows, *(asyncio.run(compare(over_asgi, f"ASGI, {kind}", target)) for kind, target in kinds.items())]


def main() -> None:
    configure()
    heading(
        "HTTP on Django, in process",
        "POST with a validated body and a validated answer, behind the middleware of startproject, µs per request, "
        "medians; above 1 the step is faster.",
    )
    table(["handler", "by hand µs", "step µs", "ratio"], measure())
