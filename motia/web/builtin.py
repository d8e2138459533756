"""Every route that motia brings along, for adapters to mount, and the same as an ASGI app of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from motia import HttpError, Motia
from motia.routing import Router
from motia.web.answers import Answer
from motia.web.asgi import BodyTooLarge, Disconnected, Receive, Scope, Send, headers_of, path_of, read_body, send_answer
from motia.web.failures import error_answer, too_large
from motia.web.health import health_route
from motia.web.sse import stream_routes
from motia.web.streaming import StreamSocket
from motia.web.visits import BuiltIn, Visit
from motia.web.workbench.access import Site
from motia.web.workbench.serving import workbench_routes

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def built_in_routes(motia: Motia, workbench: Site | None = None) -> list[BuiltIn]:
    """The routes that every adapter mounts, before those of the steps; the app need not be open yet.

    Args:
        workbench: as it is to be mounted; default: not at all.
    """
    return [*stream_routes(motia), health_route(motia), *workbench_routes(workbench)]


class BuiltInApp:
    """The built-in routes and the stream socket as an ASGI app, in front of another one.

    Attributes:
        routes: the built-in ones.

    Args:
        motia: the app; somebody else opens it.
        rest: answers everything else; default: 404.
        native: makes the framework's own request of a scope; default: the scope itself.
        workbench: as it is to be mounted; default: not at all.
    """

    def __init__(
        self,
        motia: Motia,
        rest: AsgiApp | None = None,
        native: Callable[[Scope], Any] = lambda scope: scope,
        workbench: Site | None = None,
    ) -> None:
        self._motia = motia
        self._rest = rest or _nothing
        self._native = native
        self.routes = built_in_routes(motia, workbench)
        self._router = Router((route.path, route) for route in self.routes)
        self._socket = StreamSocket(motia, native)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and path_of(scope) == self._motia.settings.streams_path:
            await self._socket(scope, receive, send)
            return
        found = self._router.match(path_of(scope)) if scope["type"] == "http" else None
        if found is None:
            await self._rest(scope, receive, send)
        else:
            await self.answer(*found, scope, receive, send)

    async def answer(self, route: BuiltIn, values: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to one of the routes."""
        try:
            answer = await self._answer(route, values, scope, receive)
        except Disconnected:
            return
        await send_answer(answer, scope, receive, send, self._motia.running.threads)

    async def _answer(self, route: BuiltIn, values: list[str], scope: Scope, receive: Receive) -> Answer:
        method, client = scope["method"], scope.get("client")
        if refusal := unanswered(route, method):
            return refusal
        limit = self._motia.settings.body_limit
        try:
            body = await read_body(scope, receive, limit)
        except BodyTooLarge:
            return too_large(limit)
        return await route.answer(
            Visit(
                method,
                path_of(scope),
                dict(zip(route.path.params, values, strict=True)),
                scope.get("query_string", b"").decode("latin-1"),
                headers_of(scope),
                client[0] if client else "",
                self._native(scope),
                body,
                root=scope.get("root_path", "").rstrip("/"),
            )
        )


def unanswered(route: BuiltIn, method: str) -> Answer | None:
    """What is answered to a method that a built-in route does not have; None where it has it."""
    methods = {*route.methods, *({"HEAD"} if "GET" in route.methods else ())}
    if method in methods:
        return None
    allow = ", ".join(sorted(methods | {"OPTIONS"}))
    if method == "OPTIONS":
        return Answer(204, [("allow", allow)], b"")
    return error_answer(HttpError(405, f"expected one of {allow}, got {method}", headers={"allow": allow}))


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    assert scope["type"] == "http", f"expected http or websocket, got {scope['type']}: somebody else runs the lifespan"
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
