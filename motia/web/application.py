"""An app of steps as a web application of its own, for folders and apps that no framework hosts. ASGI 3."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

from motia.app import Motia
from motia.errors import ConfigError, HttpError
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
    send_answer,
)
from motia.web.builtin import BuiltInApp
from motia.web.endpoint import Host, make_router, respond
from motia.web.failures import error_answer, too_large
from motia.web.incoming import Incoming
from motia.web.multipart import parse
from motia.web.origins import Origins
from motia.web.workbench.access import Mode, site_of
from motia.worker import Worker

_log = logging.getLogger("motia.http")


class Application:
    """Serves the http steps of an app and what motia brings along; opens and closes it with the server.

    Args:
        motia: the app.
        worker: run the worker in this process as well.
        workbench: as ``mount`` of the frameworks takes it.

    Raises:
        RegistrationError: lists everything that is wrong with the steps.
        ConfigError: a step has ``dependencies``, which only a framework can solve, or the Workbench is wanted and
            nobody says who may see it.
    """

    def __init__(self, motia: Motia, *, worker: bool = True, workbench: Mode = "auto") -> None:
        self.motia = motia
        self._worker = worker
        self._limit = motia.settings.body_limit
        self._host = Host(motia.settings.debug)
        self._origins = Origins(motia.settings.allowed_origins)
        plans = motia.registry.http
        for plan in plans:
            if isinstance(plan.trigger, HttpTrigger) and plan.trigger.dependencies:
                raise ConfigError(
                    f"step {plan.name!r} has dependencies=[...], which its framework solves; serve the framework's app"
                )
        self._router = make_router(plans)
        self.workbench = site_of(motia, workbench)
        self._front = BuiltInApp(motia, self._rest, workbench=self.workbench)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._front(scope, receive, send)

    async def _rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is not motia's own: the steps."""
        if scope["type"] == "http":
            await self._answered(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                await stack.enter_async_context(Worker(self.motia).running() if self._worker else self.motia)
            except Exception as error:
                _log.error("the app does not start: %s", error)
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        if answer is not None:
            answer = self._origins.opened(answer, scope["method"], headers_of(scope))
            await send_answer(answer, scope, receive, send, self.motia.running.threads)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        """The answer to a request; None where the client has gone."""
        method = scope["method"]
        found = self._router.match(path_of(scope))
        if found is None:
            return error_answer(HttpError(404, f"no step answers {scope['path']}"))
        endpoint, values = found
        plan = endpoint.plan_for(method)
        if plan is None:
            return endpoint.without_step(method)
        try:
            body = await read_body(scope, receive, self._limit)
        except BodyTooLarge:
            return too_large(self._limit)
        except Disconnected:
            return None
        incoming = Incoming(
            method,
            scope["path"],
            endpoint.params(plan, values),
            scope["query_string"].decode("latin-1"),
            headers_of(scope),
            body,
            scope,
            _form,
        )
        answer = await respond(self.motia.running.dispatcher, plan, incoming, self._host)
        assert isinstance(answer, Answer)  # there is no framework whose responses could pass
        return answer


async def _form(incoming: Incoming) -> list[tuple[str, str]]:
    """The fields of a form; its files are left in the scope, which is ``req.native``, as ``files``."""
    form = parse(incoming.body, incoming.headers["content-type"])
    incoming.native["files"] = form.files
    return form.fields
