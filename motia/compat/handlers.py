"""Handlers of step files, as ours: given what they expect of their generation, by the parameters they have."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from motia.binding import KNOWN, bind, is_async_callable
from motia.compat.contexts import Context, SyncContext, context_as
from motia.compat.http import MotiaHttpArgs, as_args, as_legacy
from motia.requests import ApiResponse
from motia.steps import StepConfig

CallT = TypeVar("CallT", bound=Callable[..., Any])
_CONTEXTS = frozenset({"ctx", "context", "_ctx", "_context"})
_VARIADIC = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


def legacy_handler(handler: Callable[..., Any], config: StepConfig, *, is_cron: bool) -> Callable[..., Any]:
    """A handler of 0.x. Its annotations bind nothing: they were never read.

    Args:
        is_cron: its one parameter is the context.
    """
    call = _caller(handler, lone_is_context=is_cron)
    turned = context_as(config, legacy=True)
    if not is_async_callable(handler):

        @_named(handler)
        def run(input: Any, ctx: Any) -> Any:  # Motia's name
            return call(as_legacy(input), turned(ctx))

        return run

    @_named(handler)
    async def run_async(input: Any, ctx: Any) -> Any:  # Motia's name
        context = turned(ctx)
        return await _settled(call(as_legacy(input), context), context)

    return run_async


def modern_handler(handler: Callable[..., Any], config: StepConfig) -> Callable[..., Any]:
    """A handler of 1.x: bound as ours are, by names and annotations, and given 1.x's request and context."""
    turned = context_as(config, legacy=False)
    call = _of_two(handler) if _is_variadic(handler) else handler
    if not is_async_callable(handler):

        @_as(call, handler)
        def run(*args: Any, **kwargs: Any) -> Any:
            given = Given(turned, args, kwargs)
            return _written(call(*given.args, **given.kwargs), given.request)

        return run

    @_as(call, handler)
    async def run_async(*args: Any, **kwargs: Any) -> Any:
        given = Given(turned, args, kwargs)
        work = _settled(call(*given.args, **given.kwargs), given.context)
        return await (work if given.request is None else _answered(work, given.request))

    return run_async


class Given:
    """The arguments of a call, as 1.x had them.

    Attributes:
        context, request: those among them, or None.
    """

    def __init__(self, turned: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = [as_args(turned(value)) for value in args]
        self.kwargs = {name: as_args(turned(value)) for name, value in kwargs.items()}
        everything = [*self.args, *self.kwargs.values()]
        self.context = next((value for value in everything if isinstance(value, (Context, SyncContext))), None)
        self.request = next((value for value in everything if isinstance(value, MotiaHttpArgs)), None)
        if self.context is not None and self.request is not None:
            self.context._run.input = self.request


async def _settled(work: Any, context: Any) -> Any:
    """The result of a handler, once all that it began has been done."""
    if not isinstance(context, Context):
        return await work if inspect.isawaitable(work) else work
    try:
        result = await work if inspect.isawaitable(work) else work
    except Exception:
        await context.settle()
        raise
    except BaseException:
        context.forget()
        raise
    await context.settle()
    return result


async def _answered(work: Any, request: MotiaHttpArgs[Any]) -> Any:
    """The handler's result, or an answer that is sent while the handler still writes it."""
    writer = request.response.writer
    handler = asyncio.ensure_future(work)
    begun = asyncio.ensure_future(writer.begun.wait())
    try:
        await asyncio.wait({handler, begun}, return_when=asyncio.FIRST_COMPLETED)
    except BaseException:
        handler.cancel()
        raise
    finally:
        begun.cancel()
    if not writer.begun.is_set():
        result = await handler
        return result if result is not None or not request.response.touched else request.response.answer(None)
    return request.response.answer(_pieces(handler, request))


async def _pieces(handler: asyncio.Future[Any], request: MotiaHttpArgs[Any]) -> Any:
    writer = request.response.writer
    handler.add_done_callback(lambda _: writer.close())
    try:
        async for piece in writer.pieces():
            yield piece
        await handler
    finally:
        handler.cancel()


def _written(result: Any, request: MotiaHttpArgs[Any] | None) -> Any:
    """The result of a ``def`` handler; what it has written, if it returns nothing."""
    if result is not None or request is None:
        return result
    data = request.response.writer.taken()
    return request.response.answer(data or None) if data or request.response.touched else ApiResponse(204)


def _caller(handler: Callable[..., Any], *, lone_is_context: bool) -> Callable[[Any, Any], Any]:
    """How a handler of 0.x is called, whatever its annotations say."""
    params = list(inspect.signature(handler).parameters.values())
    named = [param.name for param in params if param.kind not in _VARIADIC]
    if len(named) < len(params) and any(param.kind is inspect.Parameter.VAR_POSITIONAL for param in params):
        return (lambda value, ctx: handler(ctx)) if lone_is_context else handler
    if not named:
        return lambda value, ctx: handler()
    if len(named) == 1:
        if lone_is_context or named[0] in _CONTEXTS:
            return lambda value, ctx: handler(ctx)
        return lambda value, ctx: handler(value)
    if len(named) == 2 and (named[1] in _CONTEXTS or not KNOWN.keys() >= set(named)):
        return handler
    return bind(handler).call


def _of_two(handler: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """A handler with the two parameters that everybody's has, for a decorator's wrapper that names none."""

    def call(input: Any, ctx: Any) -> Any:  # Motia's name
        return handler(input, ctx)

    return call


def _is_variadic(handler: Callable[..., Any]) -> bool:
    params = inspect.signature(handler).parameters.values()
    return bool(params) and all(param.kind in _VARIADIC for param in params)


def _as(call: Callable[..., Any], handler: Callable[..., Any]) -> Callable[[CallT], CallT]:
    """Name and place of the handler, with the signature of ``call``."""

    def renamed(run: CallT) -> CallT:
        functools.update_wrapper(run, handler)
        if call is not handler:
            run.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]  # read by inspect
        return run

    return renamed


def _named(handler: Callable[..., Any]) -> Callable[[CallT], CallT]:
    """Name, place and documentation of the handler, without its signature."""

    def renamed(run: CallT) -> CallT:
        signature = inspect.signature(run)
        functools.update_wrapper(run, handler)
        run.__signature__ = signature  # type: ignore[attr-defined]  # read by inspect
        return run

    return renamed
