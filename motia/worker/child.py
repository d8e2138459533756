"""One worker process under a supervisor. Its orders come on standard input, whose end means the supervisor is gone."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import anyio

from motia.loading import configure_logging, load_app, project_of
from motia.worker.standard_input import first_line
from motia.worker.worker import RESTART, Worker

_log = logging.getLogger("motia.worker")


def main() -> None:
    """Read the orders, load the app, work."""
    configure_logging()
    orders = json.loads(first_line())
    overrides = {name: orders[name] for name in ("threads", "grace") if orders[name] is not None}
    os.chdir(project_of(orders["app"]))
    motia = load_app(orders["app"], **overrides)
    worker = Worker(
        motia,
        concurrency=orders["concurrency"],
        queues=orders["queues"],
        owner=orders["owner"],
        lane=orders["lane"],
        housekeeping=False,
    )
    code = anyio.run(_work, worker, orders)
    if worker.abandoned:  # the interpreter would wait for their threads
        logging.shutdown()
        os._exit(code)
    sys.exit(code)


async def _work(worker: Worker, orders: dict[str, Any]) -> int:
    restart = False

    def asked_to_restart() -> None:
        nonlocal restart
        restart = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_obey, worker, asked_to_restart)
        tasks.start_soon(_watch_supervisor, worker)
        if orders["idle_exit"] is not None:
            tasks.start_soon(_end_when_idle, worker, orders["idle_exit"])
        await worker.run(drain=orders["drain"])
        tasks.cancel_scope.cancel()
    return RESTART if restart else 0


async def _obey(worker: Worker, asked_to_restart: Callable[[], None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as received:
        first = True
        async for number in received:
            if number == signal.SIGHUP:
                asked_to_restart()
            if first:
                worker.stop()
            else:
                worker.stop_now()
            first = False


async def _watch_supervisor(worker: Worker) -> None:
    await anyio.wait_readable(0)
    _log.warning("the supervisor is gone: finishing what runs")
    worker.stop()


async def _end_when_idle(worker: Worker, seconds: float) -> None:
    """Stop once nothing has run for ``seconds``."""
    busy = time.monotonic()
    while time.monotonic() - busy < seconds:
        await anyio.sleep(min(0.2, seconds / 4))
        if worker.busy:
            busy = time.monotonic()
    worker.stop()


if __name__ == "__main__":
    main()
