"""What stands before a step: the CSRF token where the session authenticates, decorators, permission classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware

from motia.errors import ConfigError, HttpError
from motia.integrations.django.responses import whole
from motia.web.answers import Answer
from motia.web.failures import error_answer

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
View = Callable[..., Any]


class _Check(CsrfViewMiddleware):
    """Django's own check, giving the reason in the place of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _answer(request: HttpRequest) -> Any:
    raise AssertionError("only the check is used")


def csrf_failure(request: HttpRequest) -> Answer | None:
    """The answer to a request that changes something in the name of a session, without the token.

    Clients that authenticate otherwise, or not at all, need none: no other site can send in their name.
    """
    if request.method in _SAFE or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    session = getattr(request, "session", None)
    if session is None or SESSION_KEY not in session:
        return None
    check = _Check(_answer)
    check.process_request(request)
    reason = check.process_view(request, _answer, (), {})
    return None if reason is None else error_answer(HttpError(403, f"CSRF failed: {reason}", code="csrf_failed"))


def has_cookies(request: HttpRequest) -> bool:
    """Whether a request brings any, which is seen without parsing them."""
    return "HTTP_COOKIE" in request.META


def guarded(run: View, dependencies: Sequence[Any]) -> tuple[View, bool]:
    """A view behind its guards, the first outermost, and whether one of them is ``csrf_exempt``.

    Raises:
        ConfigError: a dependency is neither a decorator of views nor a permission class.
    """
    exempt = False
    for guard in reversed(dependencies):
        run = _permitted(run, guard) if hasattr(guard, "has_permission") else _decorated(run, guard)
        exempt = exempt or bool(getattr(run, "csrf_exempt", False))
    return run, exempt


def _decorated(run: View, decorator: Any) -> View:
    if not callable(decorator) or hasattr(decorator, "dependency"):
        raise ConfigError(
            f"dependencies of a Django step expected decorators such as login_required or permission classes, got "
            f"{decorator!r}"
        )
    view: View = decorator(run)
    if not callable(view):
        raise ConfigError(f"{decorator!r} expected to be a decorator of views, but it returned {view!r}")
    if not iscoroutinefunction(run) or iscoroutinefunction(view):
        return view

    async def waiting(request: HttpRequest, *args: Any) -> Any:
        """For decorators that know nothing of ``async def`` views: they look at the request on its thread."""
        found = await sync_to_async(view)(request, *args)
        return await found if inspect.isawaitable(found) else found

    waiting.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]  # Django's mark
    return waiting


def _permitted(run: View, guard: Any) -> View:
    """A view behind a permission class: one with ``has_permission(request, view)``, as Django REST framework has."""
    permission = guard() if isinstance(guard, type) else guard

    def refusal(request: HttpRequest) -> Any:
        if permission.has_permission(request, run):
            return None
        known = getattr(getattr(request, "user", None), "is_authenticated", False)
        message = getattr(permission, "message", None) or "permission denied"
        error = HttpError(403, message) if known else HttpError(401, "authentication is needed")
        return whole(error_answer(error), request)

    if iscoroutinefunction(run):

        async def waiting(request: HttpRequest, *args: Any) -> Any:
            return await sync_to_async(refusal)(request) or await run(request, *args)

        return waiting

    def blocking(request: HttpRequest, *args: Any) -> Any:
        return refusal(request) or run(request, *args)

    return blocking
