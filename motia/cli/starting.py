"""``motia start``: web processes that share one socket, and the worker beside them, all kept alive by their parent."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from motia.cli.family import Served, ended, spawn
from motia.cli.orders import Orders
from motia.errors import ConfigError
from motia.policies import reconnect_delay

STEADY = 60.0
"""Seconds after which a process that ends has not failed in a row."""
_log = logging.getLogger("motia.start")
_spread = random.Random()  # noqa: S311  # only spreads the restarts


@dataclass(frozen=True)
class Plan:
    """How many processes there are.

    Attributes:
        orders: of the web processes.
        processes: that serve http.
        workers: that run deliveries; 0 leaves them to a worker elsewhere.
        grace: seconds that what runs is given at the end.
    """

    orders: Orders
    processes: int
    workers: int
    grace: float


class Production:
    """Runs an app for production.

    Args:
        plan: what runs.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._serving: set[Served] = set()
        self._replaced: set[Served] = set()
        self._tasks: TaskGroup | None = None

    async def run(self) -> None:
        """Work until a signal.

        Raises:
            ConfigError: the app cannot be loaded.
        """
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            first = await self._started()
            tasks.start_soon(self._kept, first)
            for _ in range(self._plan.processes - 1):
                tasks.start_soon(self._kept, None)
            if self._plan.workers:
                tasks.start_soon(self._worker)
            await self._signals()
            tasks.cancel_scope.cancel()

    async def _signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as received:
            async for number in received:
                if number != signal.SIGHUP:
                    return
                _log.info("replacing the web processes, one after the other")
                assert self._tasks is not None
                self._tasks.start_soon(self._roll)

    async def _roll(self) -> None:
        for served in list(self._serving):
            if served.process.returncode is None:
                self._replaced.add(served)
                served.process.terminate()
                await served.process.wait()

    async def _started(self) -> Served:
        served = await spawn(self._plan.orders, self._plan.grace)
        try:
            message = await served.told()
            if message is None or "error" in message:
                raise ConfigError(message["error"] if message else "a web process ended before it had loaded the app")
            if not await served.go():
                raise ConfigError("a web process could not begin to serve; its log says why")
        except BaseException:
            await served.end()
            raise
        return served

    async def _kept(self, served: Served | None) -> None:
        """One web process, and the next when it has ended."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                served = served or await self._started()
                await self._until_ended(served)
            except ConfigError as error:
                _log.error("%s", error)
            served = None
            failures = 0 if time.monotonic() - began > STEADY else failures + 1
            await anyio.sleep(reconnect_delay(failures, _spread) if failures > 1 else 0)

    async def _until_ended(self, served: Served) -> None:
        self._serving.add(served)
        try:
            code = await served.process.wait()
            if served in self._replaced:
                return
            _log.warning("web process %d ended with %s; starting another", served.process.pid, code)
        finally:
            self._serving.discard(served)
            self._replaced.discard(served)
            await served.end()

    async def _worker(self) -> None:
        """The worker, which looks after its own processes."""
        command = [
            sys.executable,
            "-m",
            "motia.cli.attended",
            "worker",
            self._plan.orders.app,
            "-w",
            str(self._plan.workers),
        ]
        failures = 0
        while True:
            began = time.monotonic()
            process = await anyio.open_process(
                [*command, "--grace", f"{self._plan.grace:g}"],
                stdin=subprocess.PIPE,
                stdout=None,
                stderr=None,
                env={**os.environ, "MOTIA_ENV": "production"},
                start_new_session=True,
            )
            try:
                code = await process.wait()
                _log.warning("the worker ended with %s; starting another", code)
            finally:
                await ended(process, self._plan.grace)
            failures = 0 if time.monotonic() - began > STEADY else failures + 1
            await anyio.sleep(reconnect_delay(failures, _spread) if failures > 1 else 0)
