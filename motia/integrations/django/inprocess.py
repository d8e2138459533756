"""The worker inside a server process: in development under ``runserver``, and wherever ``MOTIA["WORKER"]`` says so."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.utils.autoreload import file_changed

from motia.integrations.django.project import DjangoMotia, current_motia
from motia.loading import configure_logging
from motia.web.hosting import Hosted

_hosted: Hosted | None = None
_unwanted: DjangoMotia | None = None
"""The app that has said that it wants no worker in this process."""


def wanted() -> bool:
    """Whether this process is to run the worker beside its requests."""
    mode = current_motia().project.worker
    return mode if isinstance(mode, bool) else bool(settings.DEBUG and sys.argv[1:2] == ["runserver"])


def start() -> None:
    """Run the worker on a thread of its own, once per process."""
    global _hosted  # noqa: PLW0603  # one per process
    if _hosted is None or _hosted.motia is not current_motia():
        stop()
        configure_logging()
        _hosted = Hosted(current_motia(), worker=True)
    _hosted.serve()


def stop() -> None:
    """End it within its grace period."""
    global _hosted  # see start
    hosted, _hosted = _hosted, None
    if hosted is not None:
        hosted.close()


def on_request(sender: Any, **kwargs: Any) -> None:
    """With the first request of a process. The one that only watches files serves none, so it starts nothing."""
    global _unwanted  # noqa: PLW0603  # asked once per app: this runs before every request
    if _hosted is not None and _hosted.serving:
        return
    motia = current_motia()
    if motia is _unwanted:
        return
    if wanted():
        start()
    else:
        _unwanted = motia


def on_autoreload(sender: Any, **kwargs: Any) -> None:
    """Under ``runserver``, before the first request: schedules wait for nobody."""
    if wanted():
        start()
        file_changed.connect(_before_reload, dispatch_uid="motia")


def _before_reload(sender: Any, **kwargs: Any) -> None:
    stop()
