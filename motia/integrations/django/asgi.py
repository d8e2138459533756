"""Around Django's ASGI application, for what that does not do itself.

Django reads the whole body before it looks for a view, and refuses every scope but http. So here a body that is too
long for a step is refused before it is sent, the WebSocket of the streams is served, and the worker of this process
starts and ends with the server.
"""

from __future__ import annotations

from typing import Any

from django.urls import Resolver404, resolve

from motia.concurrency import ThreadPool
from motia.integrations.django import inprocess
from motia.integrations.django.built_in import serve_socket
from motia.integrations.django.project import current_motia
from motia.web.asgi import Receive, Scope, Send, send_answer
from motia.web.failures import too_large


def with_motia(application: Any) -> Any:
    """The application for ``asgi.py``: ``application = with_motia(get_asgi_application())``.

    Args:
        application: of Django; gets everything but the lifespan and bodies that are too long for a step.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket" and await serve_socket(scope, receive, send):
            return
        elif scope["type"] == "http" and _is_too_long(scope):
            answer = too_large(current_motia().settings.body_limit)
            await send_answer(answer, scope, receive, send, ThreadPool(1))
        else:
            await application(scope, receive, send)

    return served


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if inprocess.wanted():
                inprocess.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await ThreadPool(1).run(inprocess.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return


def _is_too_long(scope: Scope) -> bool:
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not length.isdigit() or int(length) <= current_motia().settings.body_limit:
        return False
    try:
        found = resolve(scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")))
    except Resolver404:
        return False
    return bool(getattr(found.func, "is_motia_step", False))
