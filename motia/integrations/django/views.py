"""Steps as Django's views: plain ones for ``def`` steps, on the request's thread and in its transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connections, transaction
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from motia.errors import HttpError
from motia.integrations.django.guards import csrf_failure, guarded, has_cookies
from motia.integrations.django.project import current_motia
from motia.integrations.django.reading import raw_path, read_request
from motia.integrations.django.responses import whole
from motia.integrations.django.streaming import streamed, streamed_async
from motia.plans import Plan
from motia.triggers import HttpTrigger
from motia.web.answers import Answer
from motia.web.endpoint import Endpoint, Host, respond, respond_here
from motia.web.incoming import Incoming
from motia.web.streams import Stream

View = Callable[..., Any]


def make_view(endpoint: Endpoint, find: Callable[[str], tuple[Endpoint, list[str]] | None]) -> View:
    """The view of one path: ``def`` when all its steps are.

    Args:
        find: the endpoint of a path that is still percent-encoded, and the values in it.
    """
    paths = StepViews(endpoint, find)
    view: Any
    if all(plan.is_blocking for plan in endpoint.plans.values()):
        direct = paths.direct

        def view(request: HttpRequest, **values: str) -> HttpResponseBase:
            step = direct.get(request.method)
            if step is None or _has_slash_inside(request):
                return paths.answer(request, values)
            made: HttpResponseBase = step.blocking(request, values)
            return made
    else:

        async def view(request: HttpRequest, **values: str) -> HttpResponseBase:
            return await paths.answer_async(request, values)

        view = transaction.non_atomic_requests(view)  # Django has no atomic views of this kind; each step sees to it
    view.is_motia_step = True
    view.csrf_exempt = True  # the steps ask for the token themselves, where the session authenticates
    made: View = view
    return made


class StepViews:
    """The steps of one path, by method.

    Attributes:
        direct: those whose parameters have the names that Django gives them.
    """

    def __init__(self, endpoint: Endpoint, find: Callable[[str], tuple[Endpoint, list[str]] | None]) -> None:
        self._endpoint = endpoint
        self._find = find
        self._names = next(iter(endpoint.paths.values())).params
        self._views = {id(plan): _PlanViews(plan) for plan in endpoint.plans.values()}
        self.direct: Mapping[str | None, _PlanViews] = {
            method: self._views[id(plan)]
            for method, plan in endpoint.plans.items()
            if endpoint.paths[method].params == self._names
        }

    def answer(self, request: HttpRequest, values: dict[str, str]) -> HttpResponseBase:
        endpoint, found = self._resolved(request, values)
        plan = endpoint.plan_for(str(request.method))
        if plan is None:
            return whole(endpoint.without_step(str(request.method)), request)
        response: HttpResponseBase = self._of(plan).blocking(request, endpoint.params(plan, found))
        return response

    async def answer_async(self, request: HttpRequest, values: dict[str, str]) -> HttpResponseBase:
        endpoint, found = self._resolved(request, values)
        plan = endpoint.plan_for(str(request.method))
        if plan is None:
            return whole(endpoint.without_step(str(request.method)), request)
        params = endpoint.params(plan, found)
        if plan.is_blocking:
            made: HttpResponseBase = await sync_to_async(_atomic(self._of(plan).blocking))(request, params)
            return made
        response: HttpResponseBase = await self._of(plan).waiting(request, params)
        return response

    def _of(self, plan: Plan) -> _PlanViews:
        return self._views.get(id(plan)) or self._views.setdefault(id(plan), _PlanViews(plan))

    def _resolved(self, request: HttpRequest, values: Mapping[str, str]) -> tuple[Endpoint, list[str]]:
        """The endpoint and the values in the path: anew where a value has a slash of its own, which Django decodes."""
        if _has_slash_inside(request) and request.resolver_match is not None:
            raw = raw_path(request) or ""
            before = request.META.get("SCRIPT_NAME", "") + "/" + request.resolver_match.route
            own = next(iter(self._endpoint.paths.values())).render("<x:{}>", "<x:{}>")
            skipped = before.count("/") - own.count("/")
            found = self._find("/" + "/".join(raw.split("/")[skipped + 1 :]))
            if found is not None:
                return found
        return self._endpoint, [values[name] for name in self._names]


class _PlanViews:
    """One http trigger as a view, behind the decorators that its ``dependencies`` are."""

    def __init__(self, plan: Plan) -> None:
        assert isinstance(plan.trigger, HttpTrigger)
        self._plan = plan
        self._dependencies = plan.trigger.dependencies

    @cached_property
    def blocking(self) -> View:
        plan = self._plan

        def view(request: HttpRequest, params: dict[str, str]) -> HttpResponseBase:
            parts = current_motia().running
            incoming = read_request(request, params, parts.settings.body_limit)
            if isinstance(incoming, Answer):
                return whole(incoming, request)
            refused = None if exempt or not has_cookies(request) else csrf_failure(request)
            if refused is not None:
                return whole(refused, request)
            response: HttpResponseBase = run(request, incoming, parts)
            return response

        def answered(request: HttpRequest, incoming: Incoming, parts: Any) -> HttpResponseBase:
            answer = respond_here(parts.dispatcher, plan, incoming, _HOSTS[parts.settings.debug, True])
            if isinstance(answer, Answer):
                if answer.error is not None:
                    _undo()
                if isinstance(answer.body, Stream):
                    return streamed(answer, request, parts)
            return whole(answer, request)

        run, exempt = guarded(answered, self._dependencies)
        return view

    @cached_property
    def waiting(self) -> View:
        plan = self._plan

        async def view(request: HttpRequest, params: dict[str, str]) -> HttpResponseBase:
            parts = current_motia().running
            incoming = read_request(request, params, parts.settings.body_limit)
            if isinstance(incoming, Answer):
                return whole(incoming, request)
            refused = None if exempt or not has_cookies(request) else await sync_to_async(csrf_failure)(request)
            if refused is not None:
                return whole(refused, request)
            response: HttpResponseBase = await run(request, incoming, parts)
            return response

        async def answered(request: HttpRequest, incoming: Incoming, parts: Any) -> HttpResponseBase:
            answer = await respond(parts.dispatcher, plan, incoming, _HOSTS[parts.settings.debug, False])
            if isinstance(answer, Answer) and isinstance(answer.body, Stream):
                return await streamed_async(answer, request, parts)
            return whole(answer, request)

        run, exempt = guarded(answered, self._dependencies)
        return view


def _has_slash_inside(request: HttpRequest) -> bool:
    raw = raw_path(request)
    return raw is not None and "%2f" in raw.lower()


def _as_ours(error: Exception) -> Exception:
    """What Django's own exceptions stand for."""
    if isinstance(error, Http404):
        return HttpError(404, str(error) or "not found")
    if isinstance(error, PermissionDenied):
        return HttpError(403, str(error) or "permission denied")
    if isinstance(error, SuspiciousOperation):
        return HttpError(400, str(error))
    return error


_HOSTS = {
    (debug, inline): Host(debug, inline=inline, response=HttpResponseBase, read=_as_ours)
    for debug in (False, True)
    for inline in (False, True)
}


def _atomic(view: View) -> View:
    """What ``ATOMIC_REQUESTS`` asks for, around a ``def`` step of a path that has ``async def`` ones too."""
    for wrapper in connections.all():
        if wrapper.settings_dict["ATOMIC_REQUESTS"]:
            view = transaction.atomic(using=wrapper.alias)(view)
    return view


def _undo() -> None:
    """Roll the request's transaction back: its step has raised, though Django sees an answer."""
    for wrapper in connections.all(initialized_only=True):
        if wrapper.settings_dict["ATOMIC_REQUESTS"] and wrapper.in_atomic_block:
            wrapper.set_rollback(True)
