"""The routes that motia brings along, as routes of a FastAPI or Starlette app."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute

from motia import Motia
from motia.routing import Router
from motia.web.asgi import Receive, Scope, Send, path_of
from motia.web.builtin import BuiltInApp
from motia.web.streaming import StreamSocket
from motia.web.visits import BuiltIn
from motia.web.workbench import Site


def built_in(motia: Motia, workbench: Site | None) -> list[BaseRoute]:
    """The stream socket, and each built-in route; hooks see Starlette's connection, with user and session."""
    app = BuiltInApp(motia, native=HTTPConnection, workbench=workbench)
    routes: list[BaseRoute] = [BuiltInRoute(app, route, workbench) for route in app.routes]
    return [WebSocketRoute(motia.settings.streams_path, StreamSocket(motia, HTTPConnection)), *routes]


class BuiltInRoute(Route):
    """One built-in route.

    Attributes:
        workbench: of the app that has it.
    """

    def __init__(self, app: BuiltInApp, route: BuiltIn, workbench: Site | None) -> None:
        self._app = app
        self.workbench = workbench
        self._route = route
        self._router = Router([(route.path, route)])
        super().__init__(route.path.render("{{{}}}", "{{{}:path}}"), app, include_in_schema=False)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._router.match(path_of(scope)) if scope["type"] == "http" else None
        return (Match.FULL, {"motia.values": found[1]}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app.answer(self._route, scope["motia.values"], scope, receive, send)
