"""What motia does when Django says that something has happened."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

from django.core.signals import request_finished, request_started, setting_changed
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.autoreload import autoreload_started
from django.utils.module_loading import autodiscover_modules

from motia import Motia, ambient
from motia.concurrency import drive
from motia.errors import MotiaError
from motia.integrations.django import inprocess
from motia.integrations.django.project import current_motia, forget_motia
from motia.integrations.django.queue import DjangoQueue
from motia.integrations.django.routes import rebuild_if_used

_log = logging.getLogger("motia")
_SETTINGS = {"MOTIA", "DATABASES", "DEBUG", "TIME_ZONE", "INSTALLED_APPS", "TASKS"}


def connect() -> None:
    """Find the steps of the installed apps, and listen."""
    autodiscover_modules("steps")
    ambient.use_host("django", ambient.Host(_of_request, current_motia), first=True)
    setting_changed.connect(_changed, dispatch_uid="motia")
    post_migrate.connect(_declare, dispatch_uid="motia")
    request_started.connect(_begun, dispatch_uid="motia")
    request_finished.connect(_ended, dispatch_uid="motia")
    autoreload_started.connect(inprocess.on_autoreload, dispatch_uid="motia")


_in_request: ContextVar[bool] = ContextVar("motia_in_django_request", default=False)


def _begun(sender: Any, **kwargs: Any) -> None:
    _in_request.set(True)
    inprocess.on_request(sender, **kwargs)


def _ended(sender: Any, **kwargs: Any) -> None:
    _in_request.set(False)


def _of_request() -> Motia | None:
    return current_motia() if _in_request.get() else None


def _changed(*, setting: str, **kwargs: Any) -> None:
    if setting in _SETTINGS:
        forget_motia()
        rebuild_if_used()


def _declare(sender: Any, *, using: str, **kwargs: Any) -> None:
    """Write the subscriptions as soon as there are tables, so that no message is sent before they are there."""
    if getattr(sender, "label", "") != "motia":
        return
    try:
        motia = current_motia()
        queue = motia.running.backend.blocking.queue if motia.is_ours else None
    except MotiaError as error:  # the checks tell of it, and a migration may be what mends it
        _log.warning("the subscriptions of the steps are not written yet: %s", error)
        return
    if isinstance(queue, DjangoQueue) and queue.alias == using and _has_tables(using):
        drive(queue.subscribe(motia.registry.subscriptions, steps=motia.registry.names))
        drive(queue.declare())


def _has_tables(alias: str) -> bool:
    return "motia_subscription" in connections[alias].introspection.table_names()
