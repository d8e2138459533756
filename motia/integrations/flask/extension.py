"""What a Flask app knows of its motia, and which motia ambient functions mean in it."""

from __future__ import annotations

import os
import weakref
from typing import NamedTuple

from flask import Flask, current_app, has_app_context
from flask.cli import ScriptInfo

from motia import ConfigError, Motia
from motia.ambient import Host, use_host
from motia.web.hosting import Hosted

EXTENSION = "motia"
"""Its place in ``app.extensions``."""


class Mounted(NamedTuple):
    """What ``mount`` leaves in ``app.extensions["motia"]``."""

    motia: Motia
    hosted: Hosted
    prefix: str


_hosts: weakref.WeakKeyDictionary[Motia, Hosted] = weakref.WeakKeyDictionary()
_last: list[weakref.ref[Motia]] = []


def remember(motia: Motia, hosted: Hosted | None) -> None:
    """Note who hosts an app of steps; whoever did before closes it."""
    before = _hosts.pop(motia, None)
    if before is not None:
        before.close()
    if hosted is not None:
        _hosts[motia] = hosted
        _last[:] = [weakref.ref(motia)]
        use_host("flask", Host(_here, _default))


def _here() -> Motia | None:
    """The app for ``motia.enqueue`` and its kin in an application context; opened if need be."""
    found = current_app.extensions.get(EXTENSION) if has_app_context() else None
    return None if found is None else _opened(found.motia)


def _default() -> Motia | None:
    """The same where there is no context: in a shell, or on a thread of the app's own."""
    motia = _last[0]()
    return None if motia is None else _opened(motia)


def _opened(motia: Motia) -> Motia | None:
    hosted = _hosts.get(motia)
    if hosted is None:  # it has been taken to another Flask app
        return None
    _ = hosted.running
    return motia


def mounted_on(app: Flask) -> Mounted:
    """What ``mount`` left there.

    Raises:
        ConfigError: it was not called.
    """
    if EXTENSION not in app.extensions:
        raise ConfigError(f"the Flask app {app.name!r} has no motia; call `mount(app, motia)` where it is made")
    mounted: Mounted = app.extensions[EXTENSION]
    return mounted


def load() -> Motia:
    """The motia of the Flask app that ``flask`` was told of: how worker processes find it."""
    if has_app_context():
        return mounted_on(current_app._get_current_object()).motia  # type: ignore[attr-defined]  # a proxy
    return mounted_on(ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()).motia
