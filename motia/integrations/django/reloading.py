"""``manage.py motia_worker`` under Django's autoreload: one process, started again when a file changes."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import anyio
from django.utils import autoreload

from motia.errors import MotiaError
from motia.integrations.django.project import new_motia
from motia.loading import configure_logging
from motia.worker import Worker
from motia.worker.probes import probed

STOP = 5.0
"""Seconds for handing back what runs, before a restart."""
_log = logging.getLogger("motia.worker")


def run_reloading(values: dict[str, Any]) -> None:
    """Work until a signal.

    Args:
        values: the options of the command.
    """
    autoreload.run_with_reloader(_work, values)


def _work(values: dict[str, Any]) -> None:
    """In the process that is replaced: on a thread beside the one that watches the files."""
    configure_logging()
    try:
        _run(values)
    except MotiaError as error:  # no edit of a file mends it
        _log.error("%s", error)
        os._exit(1)  # as runserver does: nothing else ends a process from a thread


def _run(values: dict[str, Any]) -> None:
    settings = {name: values[name] for name in ("threads", "grace") if values[name] is not None}
    motia = new_motia()
    worker = Worker(
        motia.with_settings(**settings) if settings else motia,
        concurrency=values["concurrency"],
        queues=[name for item in values["queues"] for name in item.split(",")] or None,
    )
    _log.info("worker of this project on %s, reloading", motia.url)
    anyio.run(_until_reload, worker, partial(probed, values["health_port"], worker.is_ready))


async def _until_reload(worker: Worker, probes: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def changed(**kwargs: Any) -> None:
        """Before the process is replaced: hand back what runs."""
        loop.call_soon_threadsafe(worker.stop_now)
        ended.wait(STOP)

    autoreload.file_changed.connect(changed, dispatch_uid="motia.worker")
    try:
        async with probes():
            await worker.run()
    finally:
        ended.set()
