"""The supervisor: worker processes that may die, and everything that must go on when they do.

It owns no handler code at run time: it renews the leases of its children from its own process, so a child that is busy
keeps its work; it sees a child die and takes its work back at once; it kills a child whose handler ignores its time
limit. What a dead child held is run by a child of its own, one at a time, so that a job which kills its process takes
no neighbour with it.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import anyio
from anyio.abc import Process, TaskGroup

from motia.app import Motia
from motia.concurrency import Alarm
from motia.logs import deliveries
from motia.policies import OVERTIME, REAP_INTERVAL, reconnect_delay
from motia.queues.base import Queue
from motia.worker.deaths import lost
from motia.worker.heart import reap
from motia.worker.owner import make_owner
from motia.worker.probes import probed
from motia.worker.relay import relay
from motia.worker.ticker import Ticker
from motia.worker.tidying import keep_tidy
from motia.worker.worker import FLUSH_TIMEOUT, RESTART, STEADY, Lane, kept_alive, served

CALM = 0.3
"""Seconds without a death before suspects are run: what is killing workers must not be taken for their fault."""
KILLED_DELAY = 0.25
"""Longest wait in seconds before a process that somebody killed is replaced; one that ends by itself waits longer."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = logging.getLogger("motia.worker")
_spread = random.Random()  # noqa: S311  # only spreads the restarts


@dataclass(frozen=True)
class ChildOptions:
    """What a child process is told.

    Attributes:
        app: as the command line names it.
        idle_exit: end after so many seconds without work; None never.
    """

    app: str
    concurrency: int
    threads: int | None = None
    queues: Sequence[str] | None = None
    grace: float = 25.0
    drain: bool = False
    lane: Lane = "fresh"
    idle_exit: float | None = None


@dataclass
class Child:
    """A running child process."""

    process: Process
    owner: str
    lane: Lane
    started: float

    def send(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)


class Supervisor:
    """Runs worker processes for an app.

    Args:
        motia: the app, as this process has loaded it.
        options: of the children.
        processes: how many.
        health_port: where probes are answered; None: nowhere.

    Raises:
        ConfigError: the children could not serve what the options name.
    """

    def __init__(
        self, motia: Motia, options: ChildOptions, *, processes: int = 1, health_port: int | None = None
    ) -> None:
        self._served = served(motia, options.queues)
        self._motia = motia
        self._options = options
        self._processes = processes
        self._health_port = health_port
        self._children: dict[str, Child] = {}
        self._stopping = False
        self._ended = False
        self._tasks: TaskGroup | None = None
        self._alarm = Alarm()
        self._last_death = 0.0

    async def run(self) -> None:
        """Work until a signal, or until everything is drained.

        Raises:
            ConfigError: the port for probes cannot be had.
        """
        async with self._motia, probed(self._health_port, self.is_ready), anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._signals)
            if not self._options.drain:
                for name, service in self._services().items():
                    tasks.start_soon(kept_alive, name, service)
            async with anyio.create_task_group() as lanes:
                lanes.start_soon(self._fresh)
                lanes.start_soon(self._suspects)
            tasks.cancel_scope.cancel()

    async def is_ready(self) -> bool:
        """Whether there is somebody to do work, and a queue to take it from."""
        alive = any(child.process.returncode is None for child in self._fresh_children())
        return alive and not self._stopping and await self._motia.running.health.is_good()

    @property
    def _queue(self) -> Queue:
        return self._motia.running.backend.working.queue

    def _services(self) -> dict[str, Any]:
        parts, lease = self._motia.running, self._motia.settings.lease
        streams = parts.streams_backend.working.streams
        store, remote = parts.state_backend.working.store, self._queue.capabilities.remote
        services = {
            "heartbeat": self._beat,
            "reaper": lambda: reap(self._queue, store, streams, lease, amnesty=remote),
            "cron": Ticker(self._queue, parts.registry.schedules, parts.clock).run,
        }
        if (outbox := parts.outbox) is not None:
            services["relay"] = lambda: relay(outbox, self._queue, make_owner())
        if (traces := parts.backend.working.traces) is not None:
            services["tidying"] = lambda: keep_tidy(traces, parts.settings, parts.clock)
        return services

    async def _fresh(self) -> None:
        """Keep the children running; once all have ended for good, nothing is left for that of the suspects."""
        async with anyio.create_task_group() as slots:
            for _ in range(self._processes):
                slots.start_soon(self._slot, self._options)
        self._ended = True
        self._alarm.set()
        if not self._stopping:  # or it has had its signal, and the second one says "now"
            for child in self._children.values():
                child.send(signal.SIGTERM)

    async def _slot(self, options: ChildOptions) -> None:
        """Keep one child running."""
        failures = 0
        while not self._stopping:
            began = time.monotonic()
            code = await self._child(options)
            if self._stopping or (code == 0 and self._options.drain):
                return
            if code == RESTART:
                continue
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            delay = 0.0 if failures == 1 else reconnect_delay(failures, _spread)
            if code < 0:
                delay = min(delay, KILLED_DELAY)
            _log.error("a worker process ended with %s; the next one starts in %.1f s", _ending(code), delay)
            await anyio.sleep(delay)

    async def _child(self, options: ChildOptions) -> int:
        """Run one child to its end, and take back what it held; its exit code."""
        command = [sys.executable, "-m", "motia.worker.child"]
        process = await anyio.open_process(
            command, stdin=-1, stdout=None, stderr=None, env=dict(os.environ), start_new_session=True
        )
        owner = make_owner(process.pid)
        child = self._children[owner] = Child(process, owner, options.lane, time.monotonic())
        assert process.stdin is not None
        try:
            # The pipe stays open: its end tells the child that the supervisor is gone.
            await process.stdin.send(json.dumps({"owner": owner, **asdict(options)}).encode() + b"\n")
            if self._stopping or self._ended:
                child.send(signal.SIGTERM)
            return await process.wait()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await self._bury(child)

    async def _bury(self, child: Child) -> None:
        if child.process.returncode is None:
            child.process.kill()
            await child.process.wait()
        del self._children[child.owner]
        self._last_death = time.monotonic()
        await kept_alive("recovery", lambda: self._take_back(child.owner))

    async def _take_back(self, owner: str) -> None:
        if count := await self._queue.abandon(owner, lost):
            _log.warning("took back %s of a worker process that has died", deliveries(count))
            self._alarm.set()

    async def _suspects(self) -> None:
        """Have a child of their own for deliveries whose worker died, for as long as there are any."""
        options = replace(self._options, lane="suspects", concurrency=1, idle_exit=REAP_INTERVAL, drain=False)
        while not (self._stopping or self._ended):
            if await self._any_suspects():
                await self._calm()
                await self._child(options)
            else:
                await self._alarm.wait(0.2 if self._options.drain else REAP_INTERVAL)

    async def _calm(self) -> None:
        while not self._stopping and (left := CALM - (time.monotonic() - self._last_death)) > 0:  # noqa: ASYNC110
            await anyio.sleep(left)

    async def _any_suspects(self) -> bool:
        try:
            return await self._queue.suspects(self._served) > 0
        except Exception as error:
            _log.warning("cannot look for suspect deliveries: %s", error)
            return False

    def _fresh_children(self) -> list[Child]:
        return [child for child in self._children.values() if child.lane == "fresh"]

    async def _beat(self) -> None:
        """Renew the leases of all children three times per lease."""
        lease = self._motia.settings.lease
        while True:  # beats first: see motia.worker.heart.beat
            for child in list(self._children.values()):
                held = await self._queue.beat(child.owner, lease)
                if any(item.overdue > OVERTIME for item in held):
                    _log.error("process %d ignores the time limit of its step: killed", child.process.pid)
                    child.send(signal.SIGKILL)
            await anyio.sleep(lease / 3)

    async def _signals(self) -> None:
        with anyio.open_signal_receiver(*SIGNALS) as received:
            async for number in received:
                if number == signal.SIGHUP and not self._stopping:
                    _log.info("restarting the worker processes")
                    self._restart()
                elif self._stopping:
                    _log.warning("stopping now")
                    self._stop(now=True)
                else:
                    _log.info("stopping: running handlers have %g s to finish", self._options.grace)
                    self._stop(now=False)

    def _restart(self) -> None:
        for child in self._fresh_children():
            child.send(signal.SIGHUP)

    def _stop(self, *, now: bool) -> None:
        self._stopping = True
        self._alarm.set()
        for child in self._children.values():
            child.send(signal.SIGTERM)
        assert self._tasks is not None
        patience = FLUSH_TIMEOUT if now else self._options.grace + 2 * FLUSH_TIMEOUT
        self._tasks.start_soon(self._kill_after, patience)

    async def _kill_after(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        for child in self._children.values():
            _log.error("process %d did not end in time: killed", child.process.pid)
            child.send(signal.SIGKILL)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
