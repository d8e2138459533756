"""``flask motia worker|steps|...``: the verbs of the command line, for the app that ``flask`` knows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, ScriptInfo, with_appcontext

from motia import MotiaError
from motia.cli import cli
from motia.integrations.flask.extension import mounted_on

OURS = "motia.integrations.flask.extension:load()"
"""What ``APP`` is on our own command line."""
SERVING = frozenset({"dev", "start"})
"""Verbs that serve an app, which Flask does itself."""


def make_group() -> click.Group:
    """Every verb that wants an APP, without it."""
    group = AppGroup("motia", help="Steps, queues, schedules and state of this app.")
    for name, command in cli.commands.items():
        params = [param for param in command.params if param.name != "app"]
        if len(params) < len(command.params) and name not in SERVING:
            assert command.callback is not None
            run = with_appcontext(_with_our_app(command.callback))
            told = (command.help or "").replace("APP", "this app")
            group.add_command(click.Command(name, callback=run, params=params, help=told))
    return group


def _with_our_app(call: Callable[..., Any]) -> Callable[..., Any]:
    def run(**values: Any) -> Any:
        path = click.get_current_context().ensure_object(ScriptInfo).app_import_path
        if path:
            os.environ["FLASK_APP"] = path  # for the processes of the worker
        if "prefix" in values:
            here = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
            values["prefix"] = values["prefix"] or mounted_on(here).prefix
        try:
            return call(app=OURS, **values)
        except MotiaError as error:
            raise click.ClickException(str(error)) from error

    return run
