"""The application context around background handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from flask import Flask

from motia import Motia
from motia.concurrency import ThreadPool


class ContextThreads(ThreadPool):
    """Threads for the handlers of a Flask app.

    Around each delivery is an application context of its own, as around each request, and its teardown functions run
    at the end: sessions of Flask-SQLAlchemy go back. Threads get copies of it.
    """

    def __init__(self, app: Flask, size: int) -> None:
        super().__init__(size)
        self._app = app

    def session(self) -> AbstractAsyncContextManager[None]:
        return self._pushed()

    @asynccontextmanager
    async def _pushed(self) -> AsyncIterator[None]:
        with self._app.app_context():
            yield


def use_contexts_of(app: Flask, motia: Motia) -> None:
    """Run the background handlers of ``motia`` in contexts of an app."""

    def make_threads() -> ThreadPool:
        return ContextThreads(app, motia.settings.threads)

    motia.make_threads = make_threads  # type: ignore[method-assign]  # the user's own object is the one that is mounted
