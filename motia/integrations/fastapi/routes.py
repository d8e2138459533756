"""Steps as routes of a FastAPI or Starlette app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from motia import ConfigError, HttpError, MissingDependency, Motia, NotOpen
from motia.integrations.fastapi.documentation import documentation
from motia.plans import Plan
from motia.routing import Router
from motia.triggers import HttpTrigger
from motia.web.answers import Answer
from motia.web.asgi import (
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    headers_of,
    path_of,
    read_body,
    replayed,
    send_answer,
)
from motia.web.endpoint import Endpoint, Host, Passed, make_endpoints, respond
from motia.web.failures import too_large
from motia.web.incoming import Incoming

_NOT_OPEN = (
    "this motia app is not open: it opens with the lifespan of the app it is mounted on. In tests write "
    "`with TestClient(app) as client:`; where the app is itself mounted on another one, whose lifespan alone runs, "
    "put `async with Worker(motia).running():` (or `async with motia:`) into the outer lifespan"
)


class Steps:
    """What the routes of one mounted app share."""

    def __init__(self, app: Starlette, motia: Motia, prefix: str) -> None:
        self.app = app
        self._motia = motia
        self._host = Host(motia.settings.debug, passes=partial(_is_handled, app), response=Response)
        self._limit = motia.settings.body_limit
        by_shape = make_endpoints(motia.registry.http, prefix)
        self.endpoints: Sequence[Endpoint] = list(by_shape.values())
        self._router = Router((next(iter(item.paths.values())), item) for item in self.endpoints)

    @property
    def running(self) -> Any:
        """The parts of the open app."""
        try:
            return self._motia.running
        except NotOpen:
            raise NotOpen(_NOT_OPEN) from None

    def find(self, scope: Scope) -> tuple[Endpoint, list[str]] | None:
        """The endpoint of a request and the values in its path; looked up once, for all routes to ask."""
        known = scope.get("motia.found")
        if known is None or known[0] is not self or known[1] != scope["path"]:
            known = scope["motia.found"] = (self, scope["path"], self._router.match(path_of(scope)))
        found: tuple[Endpoint, list[str]] | None = known[2]
        return found

    async def read(self, scope: Scope, receive: Receive) -> bytes | Answer:
        """The body of a request, or the answer to one that is too long."""
        try:
            return await read_body(scope, receive, self._limit)
        except BodyTooLarge:
            return too_large(self._limit)

    async def answer(self, plan: Plan, request: Request, body: bytes) -> Answer | Passed:
        """Run a step."""
        scope = request.scope
        incoming = Incoming(
            scope["method"],
            scope["path"],
            scope["path_params"],
            scope["query_string"].decode("latin-1"),
            headers_of(scope),
            body,
            request,
            _fields,
        )
        return await respond(self.running.dispatcher, plan, incoming, self._host)

    async def send(self, answer: Answer | Passed, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what a step answered."""
        if isinstance(answer, Passed):
            await answer.response(scope, receive, send)
        else:
            await send_answer(answer, scope, receive, send, self.running.threads)


def _is_handled(app: Starlette, error: Exception) -> bool:
    """Whether the app has a handler for exceptions like this one, other than one for all."""
    kinds = type(error).__mro__[: -len(Exception.__mro__)]
    return HTTPException in kinds or any(kind in app.exception_handlers for kind in kinds)


async def _fields(incoming: Incoming) -> Iterable[tuple[str, str]]:
    """The fields of a multipart form; its files stay on the request, for ``await req.native.form()``."""
    try:
        form = await incoming.native.form()
    except HTTPException as error:
        raise HttpError(400, f"the form cannot be read: {error.detail}", code="malformed_form") from error
    except AssertionError as error:  # how Starlette says it
        raise MissingDependency("multipart forms need a parser: pip install python-multipart") from error
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


class StepRoute(APIRoute):
    """An http trigger of a step, as a route of the app."""

    def __init__(self, steps: Steps, endpoint: Endpoint, plan: Plan) -> None:
        assert isinstance(plan.trigger, HttpTrigger)
        self._steps = steps
        self._endpoint = endpoint
        self._plan = plan
        dependencies = [*getattr(steps.app.router, "dependencies", ()), *plan.trigger.dependencies]
        if dependencies and not isinstance(steps.app, FastAPI):
            raise ConfigError(f"step {plan.name!r} has dependencies=[...], which need a FastAPI app; this is Starlette")
        path = endpoint.paths[plan.trigger.method]
        super().__init__(path.render("{{{}}}", "{{{}:path}}"), **documentation(plan, path, dependencies))
        self._guard = _guard(steps, plan, self.path, dependencies) if dependencies else None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._steps.find(scope) if scope["type"] == "http" else None
        if found is None or found[0] is not self._endpoint:
            return Match.NONE, {}
        answering = self._endpoint.plan_for(scope["method"])
        if answering is not None and answering is not self._plan:
            return Match.NONE, {}
        params = scope.get("path_params", {}) | self._endpoint.params(self._plan, found[1])
        child: Scope = {"route": self, "endpoint": self._plan.step.handler_for("http"), "path_params": params}
        return Match.PARTIAL if answering is None else Match.FULL, child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        steps = self._steps
        if self._endpoint.plan_for(scope["method"]) is None:
            await steps.send(self._endpoint.without_step(scope["method"]), scope, receive, send)
            return
        try:
            body = await steps.read(scope, receive)
        except Disconnected:
            return
        if isinstance(body, Answer):
            await steps.send(body, scope, receive, send)
        elif self._guard is not None:
            await self._guarded(self._guard, scope, replayed(body, receive), send)
        else:
            request = Request(scope, replayed(body, receive))
            await steps.send(await steps.answer(self._plan, request, body), scope, receive, send)
            await request.close()  # of the files of a form

    async def _guarded(self, guard: APIRoute, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await guard.app(scope, receive, send)
        except _Failed as failed:
            await self._steps.send(failed.answer, scope, receive, send)


class _Failed(Exception):  # carries an answer past the dependencies
    """A step behind dependencies raised: they see an exception, as they do from any endpoint, and can roll back."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class _StepResponse(Response):
    """An answer, in the place where FastAPI expects a response."""

    def __init__(self, steps: Steps, answer: Answer) -> None:
        super().__init__()
        self._steps = steps
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._steps.send(self._answer, scope, receive, send)
        if self.background is not None:
            await self.background()


def _guard(steps: Steps, plan: Plan, path: str, dependencies: Sequence[Any]) -> APIRoute:
    """A route by which FastAPI solves the dependencies of a step, runs it, and closes them."""

    async def guarded(request: Request, response: Response) -> Response:
        answer = await steps.answer(plan, request, await request.body())
        if isinstance(answer, Passed):
            returned: Response = answer.response
            return returned
        if answer.error is not None:
            raise _Failed(answer) from answer.error
        set_by_dependencies = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
        ]
        return _StepResponse(steps, answer._replace(headers=answer.headers + set_by_dependencies))

    assert isinstance(steps.app, FastAPI)
    return APIRoute(
        path,
        guarded,
        methods=list(plan.info.method or ""),
        dependencies=list(dependencies),
        dependency_overrides_provider=steps.app,
        response_model=None,
    )
