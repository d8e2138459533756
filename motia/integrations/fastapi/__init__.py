"""FastAPI and Starlette: ``mount(app, motia)``.

Every step becomes a route of the app. FastAPI reads the route's signature for ``/docs``; requests are answered by
motia, without the framework's per-request machinery, unless dependencies want it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

from motia import ConfigError, MissingDependency, Motia, Worker

try:
    from fastapi import FastAPI
    from starlette.applications import Starlette
except ImportError as error:
    raise MissingDependency("motia.integrations.fastapi needs FastAPI: pip install 'motia[fastapi]'") from error

from motia.integrations.fastapi.built_in import built_in
from motia.integrations.fastapi.routes import StepRoute, Steps
from motia.web.workbench import Workbench, site_of

__all__ = ["mount"]
Mode = Literal["auto"] | bool


def mount(
    app: Starlette,
    motia: Motia,
    prefix: str = "",
    worker: Mode = "auto",
    workbench: Mode | Workbench = "auto",
) -> None:
    """Serve the http steps of ``motia`` in an app, and open and close it with the app's lifespan.

    The app's own lifespan is kept: it starts before motia and ends after it. Exceptions that the app has a handler
    for are left to it, ``HTTPException`` above all; so are the dependencies that the app declares for all its routes.

    Args:
        app: a FastAPI app, or a Starlette one (without documentation of the steps).
        prefix: put before the path of every step; may have parameters.
        worker: run the worker in this process; ``auto`` does unless ``MOTIA_ENV=production``.
        workbench: serve the Workbench; ``auto`` does with ``MOTIA_ENV=development`` and under ``motia dev``; elsewhere
            ``Workbench(authorize=...)``.

    Raises:
        RegistrationError: lists everything that is wrong with the steps.
        ConfigError: a step has dependencies and the app is not a FastAPI app, or the Workbench is wanted and nobody
            says who may see it.
    """
    steps = Steps(app, motia, prefix)
    site = site_of(motia, workbench, prefix=prefix, name=getattr(app, "title", "motia"))
    app.router.routes.extend(built_in(motia, site))
    app.router.routes.extend(
        StepRoute(steps, endpoint, plan) for endpoint in steps.endpoints for plan in endpoint.plans.values()
    )
    if isinstance(app, FastAPI):
        app.openapi_schema = None
    in_process = motia.settings.env != "production" if worker == "auto" else worker
    app.router.lifespan_context = _composed(app.router.lifespan_context, motia, in_process)


def _composed(lifespan: Any, motia: Motia, in_process: bool) -> Any:
    sealed = motia.registry

    @asynccontextmanager
    async def composed(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        if motia.registry is not sealed:
            raise ConfigError("steps were added after mount(), so their routes are missing; call include() before it")
        async with AsyncExitStack() as stack:
            state = await stack.enter_async_context(lifespan(app))
            await stack.enter_async_context(Worker(motia).running() if in_process else motia)
            yield state

    return composed
