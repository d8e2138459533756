"""How a handler wants to be called: decided once, at registration, from its signature.

1. No parameters: called with nothing.
2. One, named or annotated as a context: the context. One other: the input, unless its name is one of those below.
3. All of them known names: each gets what it names.
4. Two others, or ``data`` and a context: the input and the context, in the order in which they stand.

Names of parts of a request stand for the whole input where there is no request: ``(query, ctx)`` of a queue step.

A parameter with a default is filled when its name is known, and left alone otherwise. A parameter annotated with a
model, a dataclass or a TypedDict is given the validated body or payload.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from motia.context import BaseContext
from motia.errors import ConfigError, did_you_mean
from motia.requests import ApiRequest
from motia.schemas import is_structured

Getter = Callable[[Any, Any], Any]


def _input(value: Any, ctx: Any) -> Any:
    return value


def _context(value: Any, ctx: Any) -> Any:
    return ctx


def _data(value: Any, ctx: Any) -> Any:
    return value.body if isinstance(value, ApiRequest) else value


def _from_request(name: str) -> Getter:
    return lambda value, ctx: getattr(value, name) if isinstance(value, ApiRequest) else value


def _from_context(name: str) -> Getter:
    return lambda value, ctx: getattr(ctx, name)


KNOWN: dict[str, Getter] = {
    "req": _input,
    "request": _input,
    "input": _input,
    "data": _data,
    "body": _data,
    "query": _from_request("query_params"),
    "query_params": _from_request("query_params"),
    "path_params": _from_request("path_params"),
    "params": _from_request("path_params"),
    "headers": _from_request("headers"),
    "ctx": _context,
    "context": _context,
    "state": _from_context("state"),
    "streams": _from_context("streams"),
    "enqueue": _from_context("enqueue"),
    "emit": _from_context("enqueue"),
    "logger": _from_context("logger"),
    "trace_id": _from_context("trace_id"),
}
_CONTEXTS = frozenset({"ctx", "context"})
_WHOLE = frozenset({"req", "request", "input", "data"})


@dataclass(frozen=True, slots=True)
class Binding:
    """A handler and how to call it.

    Attributes:
        call: takes the input and the context, returns what the handler returns.
        is_async: calling it returns an awaitable or an async generator.
        model: the data's type, taken from the handler's annotations; None where they do not say.
    """

    call: Callable[[Any, Any], Any]
    is_async: bool
    model: Any


def bind(handler: Callable[..., Any]) -> Binding:
    """Decide how ``handler`` is called.

    Raises:
        ConfigError: a parameter has a name that means nothing.
    """
    params = _parameters(handler)
    model = next((found for param in params if (found := _model(param)) is not None), None)
    return Binding(_caller(handler, params), is_async_callable(handler), model)


def is_async_callable(handler: Any) -> bool:
    """Whether calling it gives something to await or to iterate with ``async for``."""
    handler = inspect.unwrap(handler)
    while hasattr(handler, "func"):
        handler = handler.func
    for found in (handler, getattr(handler, "__call__", None)):  # noqa: B004  # its flavour is the question
        if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found):
            return True
    return False


def _parameters(handler: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(handler, eval_str=True)
    except (NameError, AttributeError, TypeError, SyntaxError):  # names that exist for type checkers only
        signature = inspect.signature(handler)
    skipped = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [param for param in signature.parameters.values() if param.kind not in skipped]


def _caller(handler: Callable[..., Any], params: list[inspect.Parameter]) -> Callable[[Any, Any], Any]:
    needed = [param for param in params if param.default is param.empty or param.name in KNOWN]
    if not needed:
        return lambda value, ctx: handler()
    if any(param.kind is param.KEYWORD_ONLY for param in needed):
        return _by_name(handler, needed)
    if len(needed) == 1:
        return _one(handler, needed[0])
    if len(needed) == 2 and not _are_named(*needed):
        return _two(handler, *needed)
    return _by_name(handler, needed)


def _are_named(first: inspect.Parameter, second: inspect.Parameter) -> bool:
    """Whether each of two parameters gets what it names; ``(data, ctx)`` is how Motia's own files take any input."""
    if first.kind is first.POSITIONAL_ONLY or (_is_context(second) and first.name in _WHOLE):
        return False
    return all(_getter(param) and not _model_of_body(param) for param in (first, second))


def _one(handler: Callable[..., Any], param: inspect.Parameter) -> Callable[[Any, Any], Any]:
    getter = _getter(param)
    if getter is None or (param.name == "data" and not _model_of_body(param)):
        getter = _input
    if param.kind is param.POSITIONAL_ONLY or getter is _input:
        return lambda value, ctx: handler(getter(value, ctx))
    return lambda value, ctx: handler(**{param.name: getter(value, ctx)})


def _two(handler: Callable[..., Any], first: inspect.Parameter, second: inspect.Parameter) -> Callable[[Any, Any], Any]:
    if _is_context(first) and not _is_context(second):
        getter = _getter(second) or _input
        return lambda value, ctx: handler(ctx, getter(value, ctx))
    return (lambda value, ctx: handler(_data(value, ctx), ctx)) if _model_of_body(first) else handler


def _by_name(handler: Callable[..., Any], params: list[inspect.Parameter]) -> Callable[[Any, Any], Any]:
    getters = []
    for param in params:
        getter = _getter(param)
        if getter is None:
            name = getattr(handler, "__qualname__", repr(handler))
            raise ConfigError(
                f"{name} has a parameter {param.name!r} that means nothing here; "
                f"{did_you_mean(param.name, list(KNOWN))}"
            )
        getters.append((param.name, getter))
    return lambda value, ctx: handler(**{name: getter(value, ctx) for name, getter in getters})


def _getter(param: inspect.Parameter) -> Getter | None:
    if _is_context(param):
        return _context
    if _model_of_body(param):
        return _data
    return KNOWN.get(param.name)


def _is_context(param: inspect.Parameter) -> bool:
    if param.name in _CONTEXTS:
        return True
    kind = get_origin(param.annotation) or param.annotation
    if isinstance(kind, str):
        return kind.split("[")[0].split(".")[-1] in {"FlowContext", "SyncFlowContext"}
    return isinstance(kind, type) and issubclass(kind, BaseContext)


def _model(param: inspect.Parameter) -> Any:
    if _is_request(param.annotation):
        args = get_args(param.annotation)
        return args[0] if args and is_structured(args[0]) else None
    return param.annotation if _model_of_body(param) else None


def _model_of_body(param: inspect.Parameter) -> bool:
    if _is_context(param) or param.annotation is param.empty or isinstance(param.annotation, str):
        return False
    if _is_request(param.annotation):
        return False
    return is_structured(param.annotation) and not _is_event(param.annotation)


def _is_request(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, ApiRequest)


def _is_event(annotation: Any) -> bool:
    """Inputs of state and stream triggers are dataclasses of ours, and not the shape of a body."""
    return getattr(annotation, "__module__", "") == "motia.inputs"
