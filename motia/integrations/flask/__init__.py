"""Flask: ``mount(app, motia)``, or ``FlaskMotia`` and its ``init_app`` for app factories.

Every step becomes a route of the blueprint ``motia``, behind the app's own hooks, error handlers and session. The app
opens with the first request of each process; ``flask motia`` has the verbs of the command line.
"""

from __future__ import annotations

from typing import Any, Literal

from motia import ConfigError, MissingDependency, Motia
from motia.config import PREFIX

try:
    from flask import Flask
except ImportError as error:
    raise MissingDependency("motia.integrations.flask needs Flask: pip install 'motia[flask]'") from error

from motia.integrations.flask.built_in import add_built_in
from motia.integrations.flask.commands import make_group
from motia.integrations.flask.contexts import use_contexts_of
from motia.integrations.flask.extension import EXTENSION, Mounted, mounted_on, remember
from motia.integrations.flask.routes import add_routes
from motia.web.hosting import Hosted
from motia.web.workbench import Workbench, site_of

__all__ = ["FlaskMotia", "mount", "start"]
Mode = Literal["auto"] | bool


def mount(
    app: Flask,
    motia: Motia,
    prefix: str = "",
    worker: Mode = "auto",
    workbench: Mode | Workbench = "auto",
) -> None:
    """Serve the http steps of ``motia`` in an app, and add ``flask motia`` to its commands.

    ``MOTIA_*`` keys of ``app.config`` are settings, and win over the environment. Mounting an app of steps that another
    Flask app has, as factories do in tests, takes it from there.

    Args:
        prefix: put before the path of every step; may have parameters.
        worker: run the worker in this process, from its first request on; ``auto``: unless ``MOTIA_ENV=production``.
        workbench: serve the Workbench; ``auto`` does in debug mode and with ``MOTIA_ENV=development``; elsewhere
            ``Workbench(authorize=...)``.

    Raises:
        RegistrationError: lists everything that is wrong with the steps.
        ConfigError: a key of ``app.config`` is no setting, a step's ``dependencies`` are no view decorators, this app
            has motia already, or the Workbench is wanted and nobody says who may see it.
    """
    if EXTENSION in app.extensions:
        raise ConfigError("mount() expected a Flask app without motia; one app has one, with all the steps in it")
    remember(motia, None)
    given = {name: value for name, value in app.config.items() if name.startswith(PREFIX)}
    if app.debug and "env" not in motia.settings.model_fields_set:
        given.setdefault(f"{PREFIX}ENV", "development")
    if given:
        motia.with_settings(**given)
    site = site_of(motia, workbench, develops=lambda: app.debug, prefix=prefix, name=app.name)
    use_contexts_of(app, motia)
    in_process = motia.settings.env != "production" if worker == "auto" else worker
    hosted = Hosted(motia, worker=in_process)
    app.extensions[EXTENSION] = Mounted(motia, hosted, prefix)
    remember(motia, hosted)
    add_routes(app, hosted, prefix)
    add_built_in(app, hosted, site)
    app.cli.add_command(make_group())


def start(app: Flask) -> None:
    """Open the app of steps, and start its worker, now rather than with the first request.

    For a hook that a server runs in each of its processes, such as ``post_worker_init`` of gunicorn: WSGI has none of
    its own. Where it cannot be opened that is logged, and the first request tries again.

    Raises:
        ConfigError: nothing is mounted on ``app``.
    """
    mounted_on(app).hosted.serve()


class FlaskMotia(Motia):
    """An app of steps that is made before its Flask app, as extensions are: ``motia.init_app(app)`` in a factory."""

    def init_app(self, app: Flask, **options: Any) -> None:
        """``mount(app, self, ...)``; takes the options of ``mount``."""
        mount(app, self, **options)
