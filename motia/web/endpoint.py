"""One path of an app: from an http request to an answer, the same in every framework."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from motia import tracing
from motia.concurrency import drive
from motia.current import running
from motia.dispatcher import Dispatcher
from motia.errors import HttpError
from motia.execution import SKIPPED
from motia.plans import Plan
from motia.recording import answered
from motia.routing import Path, Router
from motia.runs import Run
from motia.tracing import Trace
from motia.triggers import HttpTrigger
from motia.web.answers import Answer, make_answer
from motia.web.failures import error_answer, failed, not_met
from motia.web.incoming import FORMS, Incoming, make_request, read_form
from motia.web.streams import Stream

_log = logging.getLogger("motia.http")


class Endpoint:
    """The steps that answer one path, by method.

    Attributes:
        paths: as declared, behind the prefix, by method; the names of parameters may differ.
        plans: by method; HEAD is answered by GET's plan.
        allow: the value of the ``Allow`` header.
    """

    def __init__(self, routes: Sequence[tuple[Path, Plan]]) -> None:
        self.paths: dict[str, Path] = {}
        self.plans: dict[str, Plan] = {}
        for path, plan in routes:
            assert isinstance(plan.trigger, HttpTrigger)
            self.plans[plan.trigger.method] = plan
            self.paths[plan.trigger.method] = path
        self._names = {method: path.params for method, path in self.paths.items()}
        methods = set(self.plans) | {"OPTIONS"} | ({"HEAD"} if "GET" in self.plans else set())
        self.allow = ", ".join(sorted(methods))

    def plan_for(self, method: str) -> Plan | None:
        """The plan that answers a method; None for ``OPTIONS`` and methods without one."""
        plan = self.plans.get(method)
        return self.plans.get("GET") if plan is None and method == "HEAD" else plan

    def params(self, plan: Plan, values: Sequence[str]) -> dict[str, str]:
        """The values of a match under the names that a plan's path gives them."""
        assert isinstance(plan.trigger, HttpTrigger)
        return dict(zip(self._names[plan.trigger.method], values, strict=True))

    def without_step(self, method: str) -> Answer:
        """What is answered where no step is: 204 to ``OPTIONS``, else 405; both name the methods there are."""
        if method == "OPTIONS":
            return Answer(204, [("allow", self.allow)], b"")
        error = HttpError(405, f"expected one of {self.allow}, got {method}", headers={"allow": self.allow})
        return error_answer(error)


def make_endpoints(plans: Sequence[Plan], prefix: str = "") -> dict[str, Endpoint]:
    """All http triggers of an app, by the shape of their path."""
    groups: dict[str, list[tuple[Path, Plan]]] = {}
    for plan in plans:
        assert plan.path is not None
        path = plan.path.under(prefix)
        groups.setdefault(path.shape, []).append((path, plan))
    return {shape: Endpoint(group) for shape, group in groups.items()}


def make_router(plans: Sequence[Plan], prefix: str = "") -> Router[Endpoint]:
    """Finds the endpoint of a path."""
    endpoints = make_endpoints(plans, prefix).values()
    return Router((next(iter(endpoint.paths.values())), endpoint) for endpoint in endpoints)


def _none_passes(error: Exception) -> bool:
    return False


def _as_it_is(error: Exception) -> Exception:
    return error


class Host(NamedTuple):
    """What ``respond`` needs to know of the framework it runs in.

    Attributes:
        debug: show the text of unexpected errors.
        inline: run ``def`` handlers on this very thread.
        passes: whether the framework answers an exception itself.
        response: the framework's own kind of response, which a step may return.
        read: what an exception of the framework's stands for.
    """

    debug: bool = False
    inline: bool = False
    passes: Callable[[Exception], bool] = _none_passes
    response: type | tuple[type, ...] = ()
    read: Callable[[Exception], Exception] = _as_it_is


class Passed(NamedTuple):
    """A response of the framework's own kind, returned by a step."""

    response: Any


async def respond(dispatcher: Dispatcher, plan: Plan, incoming: Incoming, host: Host) -> Answer | Passed:
    """Run the step of a request. Raises what the host answers itself, and nothing else."""
    parent = _parent(incoming)
    run = dispatcher.run_for(plan, parent)
    try:
        form = await read_form(incoming) if incoming.kind in FORMS else None
        run.input = make_request(plan, incoming, form)
        result = await dispatcher.on_request(plan, run, parent=parent, inline=host.inline)
        return _finished(plan, run, host, result)
    except Exception as error:
        dispatcher.note(plan, run, parent)
        return _recovered(run, host, error)


def respond_here(dispatcher: Dispatcher, plan: Plan, incoming: Incoming, host: Host) -> Answer | Passed:
    """``respond`` on the caller's own thread, for a step of which no part is ``async def``.

    What most requests are, no form for a step that is but a handler, takes a way without coroutines.
    """
    if incoming.kind in FORMS:
        return drive(respond(dispatcher, plan, incoming, host))
    parent = _parent(incoming)
    run = dispatcher.run_for(plan, parent)
    try:
        run.input = make_request(plan, incoming)
        return _finished(plan, run, host, dispatcher.on_request_here(plan, run, parent=parent))
    except Exception as error:
        dispatcher.note(plan, run, parent)
        return _recovered(run, host, error)


def _parent(incoming: Incoming) -> Trace | None:
    header = incoming.headers.get("traceparent")
    return tracing.traceparent_of(header) if header else None


def _finished(plan: Plan, run: Run, host: Host, result: Any) -> Answer | Passed:
    if isinstance(result, host.response):
        answered(run, getattr(result, "status_code", 200))
        return Passed(result)
    answer = not_met(run) if result is SKIPPED else make_answer(plan, result)
    answered(run, answer.status)
    if isinstance(answer.body, Stream):
        answer.body.context.run(running.set, run)
        answer.body.on_error = partial(_recovered, run, host)
        if run.recording is not None:
            answer.body.on_end = run.recording.prolong
    return answer


def _recovered(run: Run, host: Host, error: Exception, begun: bool = False) -> Answer:
    """The answer to an error; raises it where the host answers it, or an answer has begun already."""
    if begun:
        _log.error("step %r failed while its answer was being sent: %s", run.step, error, extra={"motia": run.fields})
    known = host.read(error)
    if begun or host.passes(error):
        answered(run, known.status if isinstance(known, HttpError) and not begun else 500, error)
        raise error
    answer = failed(run, known, debug=host.debug)
    answered(run, answer.status, error)
    return answer
