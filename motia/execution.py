"""One run of a step: condition, middleware, call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import CoroutineType, GeneratorType
from typing import Any, Final

from motia.concurrency import ThreadPool, awaited, drive
from motia.context import BaseContext, FlowContext
from motia.context_blocking import SyncFlowContext
from motia.current import running
from motia.logs import StepLogger, logger_of
from motia.middleware import Layer
from motia.plans import Plan
from motia.runs import Run

SKIPPED: Final = object()
"""The result of a run whose condition was not met."""


async def execute(plan: Plan, run: Run, threads: ThreadPool | None) -> Any:
    """Run a step and return what its handler returns; ``SKIPPED`` when its condition is not met.

    Args:
        threads: where ``def`` handlers run; None runs them on the caller's own thread.
    """
    token = running.set(run)
    try:
        if plan.condition is not None and not await _condition(plan, run, threads):
            return SKIPPED
        if plan.layers:
            return await _through(plan.layers, plan, run, threads)
        return await _call(plan, run, threads)
    finally:
        running.reset(token)


def call_here(plan: Plan, run: Run) -> Any:
    """``execute`` on the caller's own thread, for a plan that is plain: a call and nothing around it."""
    token = running.set(run)
    try:
        result = plan.binding.call(run.input, SyncFlowContext(run, _logger))
        return drive(awaited(result)) if _is_awaitable(result) else result
    finally:
        running.reset(token)


def context_for(run: Run, is_async: bool) -> BaseContext[Any]:
    """The face of a run for ``async def`` or for ``def``."""
    return FlowContext(run, _logger) if is_async else SyncFlowContext(run, _logger)


def _logger(run: Run) -> StepLogger:
    return logger_of(run, run.step)


async def _condition(plan: Plan, run: Run, threads: ThreadPool | None) -> bool:
    assert plan.condition is not None
    ctx = context_for(run, plan.condition_is_async)
    return bool(await _either(partial(plan.condition, run.input, ctx), plan.condition_is_async, threads))


async def _call(plan: Plan, run: Run, threads: ThreadPool | None) -> Any:
    binding = plan.binding
    if binding.is_async:
        result = binding.call(run.input, FlowContext(run, _logger))
        return await result if _is_awaitable(result) else result
    if threads is None:
        result = binding.call(run.input, SyncFlowContext(run, _logger))
        return await result if _is_awaitable(result) else result
    return await _either(partial(binding.call, run.input, SyncFlowContext(run, _logger)), False, threads)


async def _either(call: Callable[[], Any], is_async: bool, threads: ThreadPool | None) -> Any:
    result = call() if is_async or threads is None else await threads.run(call)
    return await result if _is_awaitable(result) else result


def _is_awaitable(result: Any) -> bool:
    """As ``inspect`` has it, at once for what is usual."""
    kind = type(result)
    if kind is CoroutineType or result is None:
        return result is not None
    return (hasattr(kind, "__await__") or isinstance(result, GeneratorType)) and inspect.isawaitable(result)


async def _through(layers: tuple[Layer, ...], plan: Plan, run: Run, threads: ThreadPool | None) -> Any:
    """The first layer around the rest."""
    if not layers:
        return await _call(plan, run, threads)
    layer, rest = layers[0], layers[1:]
    # On a thread already, all that is `def` goes on there; what is not must not wait for a thread of the same pool.
    inline = threads is None or not (plan.binding.is_async or any(inner.is_async for inner in rest))
    below = threads if layer.is_async or threads is None else None if inline else threads.below

    async def proceed(request: Any = None) -> Any:
        if request is not None:
            run.input = request
        return await _through(rest, plan, run, below)

    ctx = context_for(run, layer.is_async)
    if layer.is_async:
        return await layer.call(run.input, ctx, proceed)
    following = (
        partial(threads.back, proceed)
        if threads is not None and not inline
        else (lambda request=None: run.blocking.bridge(proceed(request)))
    )
    call = partial(layer.call, run.input, ctx, following)
    return call() if threads is None else await threads.run(call)
