"""The app of the project: made from its settings, opened when first used, one per process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, cast

import django
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule

from motia import ambient
from motia.app import Motia
from motia.backends import Backend
from motia.concurrency import Portal, ThreadPool, drive
from motia.integrations.django.conf import Project, read_project
from motia.integrations.django.outgoing import DjangoOutbox, Outgoing, OutgoingAsync
from motia.integrations.django.threads import DjangoThreads
from motia.queues.base import Queue
from motia.queues.outbox import Outbox

_TASKS = "motia.integrations.django.tasks"
COMMAND_APP = "motia.integrations.django.project:new_motia()"
"""How the command line and worker processes name the project's app."""


class DjangoMotia(Motia):
    """An app whose handlers run where Django's connections are.

    Requests and plain code open it by using it; workers and commands open it with ``async with``.
    """

    def __init__(self, project: Project) -> None:
        sources = [*step_modules(), *_tasks(), *project.steps]
        super().__init__(
            steps=sources,
            settings=project.settings,
            queue=project.urls.get("queue"),
            state=project.urls.get("state"),
            streams=project.urls.get("streams"),
            authenticate=project.authenticate,
        )
        self.project = project
        self._opening = threading.RLock()
        self._background = Portal()

    def make_threads(self) -> ThreadPool:
        return DjangoThreads(self.settings.threads)

    def _open_backend(self, url: str) -> Backend:
        backend = super()._open_backend(url)
        if url.startswith("django:") or backend.blocking is None:
            return backend
        alias = self.settings.outbox.partition("://")[2] or None
        here = Outgoing(backend.blocking.queue, lambda: self.running.outbox, alias)
        there = OutgoingAsync(backend.waiting.queue, here)
        return replace(
            backend,
            waiting=replace(backend.waiting, queue=cast("Queue", there)),
            blocking=replace(backend.blocking, queue=cast("Queue", here)),
            apart=backend.waiting,
        )

    def _open_outbox(self) -> Outbox | None:
        outbox = super()._open_outbox()
        if outbox is None or not self.settings.outbox.startswith("django:"):
            return outbox
        return DjangoOutbox(outbox.database, self._clock)

    @property
    def running(self) -> Any:
        if self._open is None:
            self.open_here()
        return self._open

    def open_here(self) -> None:
        """Open the app from code without an event loop, once. Over ``django://`` that asks the database nothing."""
        with self._opening:
            if self._open is None:
                opening = super().open()
                drive(opening) if self.is_ours else self._background(opening)
                ambient.leave_to_host(self)

    async def open(self) -> None:
        """Open the app for a worker or a command: the subscriptions are written at once.

        Raises:
            StorageError: the tables are missing; run ``manage.py migrate``.
        """
        if self.is_ours:
            with self._opening:
                drive(super().open())
        else:
            await super().open()
        try:
            await self._declare()
        except BaseException:
            await self.close()
            raise

    async def _declare(self) -> None:
        backend, registry = super().running.backend, self.registry
        if self.url.startswith("django:"):
            await backend.working.queue.subscribe(registry.subscriptions, steps=registry.names)

    @property
    def is_ours(self) -> bool:
        """Whether all of it is in databases of the project."""
        urls = {self.url, *(self._urls[part] or self.url for part in ("state", "streams"))}
        return all(url.startswith("django:") for url in urls)

    def shut(self) -> None:
        """Close what ``open_here`` opened."""
        with self._opening:
            if self._open is not None:
                closing = self.close()
                drive(closing) if self.is_ours else self._background(closing)


_lock = threading.RLock()
_current: DjangoMotia | None = None


def current_motia() -> DjangoMotia:
    """The app of this process.

    Raises:
        ConfigError: the settings do not fit.
    """
    global _current  # noqa: PLW0603  # one per process
    if _current is not None:
        return _current
    with _lock:
        if _current is None:
            _current = DjangoMotia(read_project())
        return _current


def forget_motia() -> None:
    """Have the app made anew from changed settings."""
    global _current  # see current_motia
    with _lock:
        forgotten, _current = _current, None
    if forgotten is not None:
        forgotten.shut()


def new_motia() -> DjangoMotia:
    """An app of the project for a worker or a command, which opens and closes it."""
    if not apps.ready:
        django.setup()
    return DjangoMotia(read_project())


def step_modules() -> Iterator[str]:
    """The modules of the installed apps that steps are found in: ``steps``, and those inside it if it is a package."""
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "steps"):
            name = f"{config.name}.steps"
            yield name
            yield from (f"{name}.{found.name}" for found in iter_modules(getattr(import_module(name), "__path__", ())))


def _tasks() -> Iterator[Any]:
    """The steps behind ``django.tasks``, where the project has it on motia."""
    backends = [given.get("BACKEND") for given in getattr(settings, "TASKS", {}).values()]
    if f"{_TASKS}.MotiaBackend" in backends:
        yield from import_module(_TASKS).task_steps()


def share_path() -> None:
    """Let child processes find what this one finds: ``manage.py`` may have been called from another folder."""
    paths = [str(Path(sys.path[0]).resolve()), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
