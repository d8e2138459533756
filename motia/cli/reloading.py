"""``motia dev``: the newest version that can be loaded serves; one that cannot is shown, and the last one goes on."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
from anyio.abc import TaskGroup, TaskStatus

from motia.cli.family import Served, prepare, spawn
from motia.cli.orders import Orders

GRACE = 5.0
_ENDED = "the process ended while it loaded the app; the terminal says why"
_UNSTARTED = "the app does not start; the terminal says why"
_log = logging.getLogger("motia.dev")


class Reloader:
    """Serves an app, and serves it anew whenever one of its files changes.

    Args:
        orders: of the serving processes.
        project: the folder whose Python files are watched.
    """

    def __init__(self, orders: Orders, project: Path) -> None:
        self._orders = orders
        self._project = project
        self._current: Served | None = None
        self._works = False
        self._spare: Served | None = None
        self._stop = anyio.Event()
        self._turn = anyio.Lock()
        self._loading: anyio.CancelScope | None = None
        self._tasks: TaskGroup | None = None

    async def run(self) -> None:
        """Serve until a signal."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._signals)
            try:
                await tasks.start(self._watch)  # first, so that no change is missed
                await self._replace([])
                await self._stop.wait()
            finally:
                tasks.cancel_scope.cancel()
                for served in (self._spare, self._current):
                    if served is not None:
                        await served.end()

    async def _signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
            async for _ in received:
                self._stop.set()

    async def _watch(self, *, task_status: TaskStatus[None]) -> None:
        import watchfiles

        assert self._tasks is not None
        task_status.started()
        chosen = watchfiles.PythonFilter(extra_extensions=(".env",))
        async for changes in watchfiles.awatch(self._project, watch_filter=chosen, debounce=200, step=20):
            if self._loading is not None:
                self._loading.cancel()  # a version that is still being loaded is an old one
            self._tasks.start_soon(self._replace, sorted({path for _, path in changes}))

    async def _replace(self, changed: list[str]) -> None:
        """Let a new process load the app, and take over if it can, or if nothing is served yet."""
        async with self._turn:
            await self._replaced(changed)

    async def _replaced(self, changed: list[str]) -> None:
        began = time.monotonic()
        if changed:
            _log.info("%s changed", ", ".join(_shown(changed, self._project)))
        new = await self._next()
        message = None
        with anyio.CancelScope() as self._loading:
            message = await new.told()
        overtaken, self._loading = self._loading.cancelled_caught, None
        if overtaken:
            await new.end()
            return
        error = _ENDED if message is None else message.get("error")
        if error is not None:
            _log.error("%s", error)
        elif not await new.go():
            error = _UNSTARTED
        if error is not None:
            await new.end()
            if self._works:
                _log.error("the last version that works goes on serving")
                return
            new = await self._explaining(error)
        old, self._current, self._works = self._current, new, error is None
        if old is not None:
            assert self._tasks is not None
            self._tasks.start_soon(old.end)
        if self._spare is None:
            assert self._tasks is not None
            self._tasks.start_soon(self._prepare)
        if message is not None and self._works:
            again = f"again after {time.monotonic() - began:.1f} s, " if changed else ""
            _log.info("serving %s%s", again, message["loaded"])

    async def _explaining(self, error: str) -> Served:
        """A process that answers every request with what is wrong."""
        served = await spawn(replace(self._orders, broken=error), GRACE)
        await served.told()
        await served.go()
        return served

    async def _next(self) -> Served:
        """A process that loads the app as it is now; the one that was prepared for it, if it still lives."""
        new, self._spare = self._spare, None
        if new is not None and new.process.returncode is not None:
            await new.end()
            new = None
        new = new or await prepare(self._orders, GRACE)
        await new.begin()
        return new

    async def _prepare(self) -> None:
        """Have the next process import what never changes, so that an edit waits for nothing but the app."""
        spare = await prepare(self._orders, GRACE)
        if self._spare is None:
            self._spare = spare
        else:
            await spare.end()


def _shown(paths: list[str], project: Path) -> Iterator[str]:
    for path in paths[:3]:
        yield str(Path(path).relative_to(project)) if Path(path).is_relative_to(project) else path
    if len(paths) > 3:
        yield f"{len(paths) - 3} more"
