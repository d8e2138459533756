"""One process that serves an app. Run by ``motia dev`` and ``motia start``: ``python -m motia.cli.server``.

Its orders are the first line of standard input, whose end means that the parent is gone. It tells on a pipe of its own
``loaded`` or what is wrong, waits for ``go``, and tells ``serving``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import signal
import socket
import sys
from typing import Any, Literal

import anyio

from motia.app import Motia
from motia.cli.orders import Orders
from motia.cli.ports import address
from motia.errors import ConfigError, HttpError, MissingDependency, MotiaError
from motia.loading import configure_logging, load, load_env, project_of
from motia.logs import counted
from motia.web.application import Application
from motia.web.failures import error_answer
from motia.web.origins import THIS_MACHINE
from motia.web.sockets import MAX_FRAME
from motia.web.workbench import Site
from motia.worker.standard_input import first_line

ERROR = 1
_log = logging.getLogger("motia.dev")


def prepared(orders: Orders) -> Any:
    """What is served, loaded from where it lives.

    Raises:
        MotiaError: it cannot be loaded.
    """
    project = project_of(orders.app)
    load_env(project)
    os.chdir(project)
    if (orders.settings or {}).get("env") == "development":  # for apps of a framework, whose settings are their own
        os.environ.setdefault("MOTIA_ENV", "development")
    configure_logging("uvicorn.error", "uvicorn.access")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return asgi_app(orders)


def asgi_app(orders: Orders) -> Any:
    """What is served: a ``Motia`` as an application of its own, or the ASGI application at ``pkg.module:attribute``.

    Raises:
        MotiaError: it cannot be loaded.
    """
    found = load(orders.app, **(orders.settings or {}))
    if isinstance(found, Motia):
        if found.settings.env == "development" and not found.settings.allowed_origins:
            found = found.with_settings(allowed_origins=(THIS_MACHINE,))
        if not orders.worker and found.url.startswith("memory:"):
            raise ConfigError(
                "motia start runs processes of its own, which share no memory with each other; give the app a URL such "
                "as sqlite:///motia.db instead of memory:"
            )
        return Application(found, worker=orders.worker)
    if hasattr(found, "wsgi_app") or type(found).__module__.startswith("django."):
        raise ConfigError(
            f"{orders.app!r} is a {type(found).__name__} app; run it as its framework does, "
            "such as `flask run --debug` or `manage.py runserver`"
        )
    if not callable(found):
        raise ConfigError(f"expected a Motia or an ASGI application at {orders.app!r}, got {type(found).__name__}")
    return found


class Broken:
    """Answers every request with what is wrong, until it is mended.

    Args:
        error: what the terminal shows as well.
    """

    def __init__(self, error: str) -> None:
        self._error = error

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            answer = error_answer(HttpError(503, self._error, code="not_loaded"))
            headers = [(name.encode(), value.encode()) for name, value in answer.headers]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1013})


async def serve(app: Any, orders: Orders, *, attended: bool) -> bool:
    """Serve until a signal; whether it has ever begun.

    Args:
        attended: a parent is told, and its end ends us.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise MissingDependency("serving needs uvicorn: pip install 'motia[serve]'") from error

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit:  # the app does not start, as the log says by now
                self.should_exit = True
            tell(orders, {"serving": self.started})
            if self.started and not attended:
                _log.info("serving %s", summary(app))
            if self.started and (path := workbench_of(app)) is not None:
                with socket.socket(fileno=os.dup(orders.listening)) as listening:
                    _log.info("Workbench: %s%s", address(listening), path)

    lifespan: Literal["on", "auto"] = "auto"
    options: dict[str, Any] = {}
    if isinstance(app, (Application, Broken)):  # whose only WebSocket is ours
        lifespan, options = "on", {"ws_max_size": MAX_FRAME}
    config = uvicorn.Config(app, log_config=None, lifespan=lifespan, timeout_graceful_shutdown=orders.linger, **options)
    server = Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):  # which uvicorn raises anew when it has ended
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    async with anyio.create_task_group() as tasks:
        if attended:
            tasks.start_soon(_end_with_parent, server)
        await server.serve([socket.socket(fileno=os.dup(orders.listening))])
        tasks.cancel_scope.cancel()
    return server.started


async def _end_with_parent(server: Any) -> None:
    await anyio.wait_readable(0)
    server.should_exit = True


def tell(orders: Orders, message: dict[str, Any]) -> None:
    """A line to the parent."""
    if orders.telling is not None:
        os.write(orders.telling, json.dumps(message).encode() + b"\n")


def main() -> None:
    """Read the orders, load the app, wait for ``go``, serve."""
    if importlib.util.find_spec("uvicorn") is not None:
        importlib.import_module("uvicorn")  # now, since the orders may come much later
    orders = Orders(**json.loads(first_line()))
    try:
        app = prepared(orders) if orders.broken is None else Broken(orders.broken)
    except MotiaError as error:
        tell(orders, {"error": str(error)})
        sys.exit(ERROR)
    tell(orders, {"loaded": summary(app)})
    first_line()
    sys.exit(0 if anyio.run(lambda: serve(app, orders, attended=True)) else ERROR)


def workbench_of(app: Any) -> str | None:
    """Where the Workbench of an app is; None where it is off. In a Starlette app the routes of ours know it."""
    places = [app, *getattr(app, "routes", ())]
    site = next((found for place in places if isinstance(found := getattr(place, "workbench", None), Site)), None)
    return site.motia.settings.workbench_path if site is not None and site.enabled() else None


def summary(app: Any) -> str:
    """What is being served, in a few words."""
    if not isinstance(app, Application):
        return type(app).__name__
    motia = app.motia
    return f"{counted(len(motia.steps), 'step')}, {counted(len(motia.routes), 'route')}"


if __name__ == "__main__":
    main()
