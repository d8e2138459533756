"""An app inside a process whose web server has no event loop: opened with the first request, on a loop of its own."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from contextlib import AbstractAsyncContextManager, ExitStack
from contextvars import Context
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from motia import ambient
from motia.app import Motia, disown
from motia.worker import Worker

RETRY = 1.0
"""Seconds before an app that could not be opened is tried again; until then its steps answer at once."""
_log = logging.getLogger("motia")


class Hosted:
    """An app, and its worker, on a background thread of this process.

    Nothing is opened before it is needed, and a forked child starts anew: servers that fork after loading the app, such
    as ``gunicorn --preload``, share nothing between their processes.

    Args:
        motia: the app.
        worker: run the worker as well, once the process answers requests.

    Attributes:
        serving: whether everything runs.
    """

    serving: bool
    _lock: threading.Lock
    _stack: ExitStack | None
    _portal: BlockingPortal | None
    _failed: Exception | None
    _again: float

    def __init__(self, motia: Motia, *, worker: bool) -> None:
        self.motia = motia
        self._worker = worker
        self._reset()
        _all.add(self)

    @property
    def running(self) -> Any:
        """The parts of the app, opened if need be.

        Raises:
            QueueUnavailable, StorageError: the backend cannot be used.
            RegistrationError: something is wrong with the steps.
        """
        if self._stack is None:
            with self._lock:
                self._open()
        return self.motia.running

    def serve(self) -> None:
        """Open the app and start its worker; called before each request, by whoever comes first.

        An app that cannot be opened is logged: the pages of the host that need no steps go on.
        """
        if self.serving or time.monotonic() < self._again:
            return
        with self._lock:
            if self.serving:
                return
            try:
                self._open()
                if self._worker:
                    self._enter(Worker(self.motia).running())
            except Exception as error:
                _log.error("the motia app cannot be opened: %s", error)
                return
            self.serving = True

    def close(self) -> None:
        """End the worker within its grace period, and close the app. The next request opens it again."""
        with self._lock:
            stack, self._stack, self.serving = self._stack, None, False
        if stack is not None:
            atexit.unregister(self.close)
            stack.close()

    def _open(self) -> None:
        if self._stack is not None:
            return
        if self._failed is not None and time.monotonic() < self._again:
            raise self._failed
        with ExitStack() as opening:
            self._portal = opening.enter_context(start_blocking_portal())
            try:
                self._enter(self.motia, opening)
            except Exception as error:
                self._failed, self._again = error, time.monotonic() + RETRY
                raise
            ambient.leave_to_host(self.motia)
            self._stack = opening.pop_all()
        atexit.register(self.close)

    def _enter(self, what: AbstractAsyncContextManager[Any], stack: ExitStack | None = None) -> None:
        """Enter something on the background loop, with none of the context variables of the request that is running."""
        stack, portal = stack or self._stack, self._portal
        assert stack is not None
        assert portal is not None
        Context().run(stack.enter_context, portal.wrap_async_context_manager(what))

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._stack = self._portal = None
        self._failed, self._again = None, 0.0
        self.serving = False

    def forget(self) -> None:
        """In a forked child: the thread is the parent's, and so are its connections."""
        if self._stack is not None:
            _inherited.append(self._stack)
            atexit.unregister(self.close)
        self._reset()
        disown(self.motia)


_all: weakref.WeakSet[Hosted] = weakref.WeakSet()
_inherited: list[ExitStack] = []


def _forget_after_fork() -> None:
    for hosted in list(_all):
        hosted.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
