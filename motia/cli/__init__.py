"""The command line. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import sys

import click

from motia.cli import completion, creating, drawing, inspecting, operating, serving, working
from motia.errors import MotiaError
from motia.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="motia")
def cli() -> None:
    """Steps, queues, schedules and state of an app.

    APP is pkg.module:attribute, a factory pkg.module:create(), or a folder of step files.
    """


for group in (creating, serving, working, inspecting, drawing, operating, completion):
    for command in group.COMMANDS:
        cli.add_command(command)
cli.add_command(creating.new, "create")


def main() -> None:
    """Run the command line; what the user can mend is one sentence on standard error and exit code 1."""
    try:
        cli(standalone_mode=True)
    except MotiaError as error:
        click.echo(f"motia: {error}", err=True)
        sys.exit(1)
