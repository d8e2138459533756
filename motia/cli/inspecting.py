"""Commands that look: ``steps``, ``routes``, ``check``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from motia.cli.completion import app_argument
from motia.cli.output import json_option, loaded, show, with_app
from motia.logs import counted
from motia.web.checking import find_problems


@click.command()
@app_argument
@json_option
def steps(app: str, as_json: bool) -> None:
    """The steps of APP."""
    rows = [
        {
            "name": step.name,
            "triggers": [trigger.type for trigger in step.config.triggers],
            "enqueues": [item.topic for item in step.config.enqueues],
            "flows": list(step.config.flows),
            "source": shown_path(step.source),
        }
        for step in loaded(app).steps
    ]
    show(rows, as_json=as_json, nothing="no steps")


def shown_path(path: str) -> str:
    """A path as short as it can be from here."""
    here = str(Path.cwd()) + os.sep
    return path.removeprefix(here)


@click.command()
@app_argument
@json_option
def routes(app: str, as_json: bool) -> None:
    """The http triggers of APP."""
    rows = [{"method": method, "path": path, "step": step} for method, path, step in loaded(app).routes]
    show(rows, as_json=as_json, nothing="no http steps")


@click.command()
@app_argument
@json_option
def check(app: str, as_json: bool) -> None:
    """What is wrong with APP.

    Steps that collide, topics that nobody consumes or nobody knows, steps that nothing reaches, and deliveries that
    wait for a step which is no more.
    """
    problems = [fault.detail for fault in with_app(app, find_problems)]
    if as_json:
        click.echo(json.dumps(problems, indent=2))
    else:
        for problem in problems:
            click.echo(problem, err=True)
        click.echo(counted(len(problems), "problem"))
    sys.exit(1 if problems else 0)


COMMANDS = [steps, routes, check]
