"""The verbs of ``motia`` as commands of ``manage.py``: the same functions, with Django's way to read arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any, cast

import click
from django.core.management.base import BaseCommand, CommandError, CommandParser

from motia.errors import MotiaError
from motia.integrations.django.project import COMMAND_APP, share_path


class ClickCommand(BaseCommand):
    """A command of ``motia`` for the app of this project.

    Attributes:
        command: the one of the command line.
        without: options that make no sense here.
    """

    command: click.Command
    without: Sequence[str] = ()

    @property
    def help(self) -> str:  # type: ignore[override]  # said once, at the command
        return (self.command.help or "").replace("of APP", "of this project").replace("APP", "this project")

    def add_arguments(self, parser: CommandParser) -> None:
        for param in self._params():
            _add(parser, param)

    def handle(self, *args: Any, **options: Any) -> None:
        values = {str(param.name): options[str(param.name)] for param in self._params()}
        for param in self._params():
            if param.multiple or param.nargs == -1:
                values[str(param.name)] = tuple(values[str(param.name)] or ())
        share_path()
        self.stdout.ending = ""  # commands end their lines themselves
        try:
            with redirect_stdout(cast(Any, self.stdout)):
                self.run(values)
        except (MotiaError, click.ClickException) as error:
            raise CommandError(str(error)) from error

    def run(self, values: dict[str, Any]) -> None:
        """Call the command."""
        assert self.command.callback is not None
        self.command.callback(app=COMMAND_APP, **values, **dict.fromkeys(self.without, False))

    def _params(self) -> list[Any]:
        return [param for param in self.command.params if param.name not in {"app", *self.without}]


def _add(parser: CommandParser, param: Any) -> None:
    default = param.get_default(click.Context(click.Command("motia")))
    options: dict[str, Any] = {"default": default if isinstance(default, (str, int, float, bool)) else None}
    if isinstance(param, click.Argument):
        options["nargs"] = "*" if param.nargs == -1 else None if param.required else "?"
        if isinstance(param.type, click.Choice):
            options["choices"] = list(param.type.choices)
        parser.add_argument(str(param.name), **{key: value for key, value in options.items() if value is not None})
        return
    options |= {"dest": param.name, "help": getattr(param, "help", None)}
    if getattr(param, "is_flag", False):
        options |= {"action": "store_true", "default": False}
    else:
        options["type"] = _converter(param)
        if param.multiple:
            options |= {"action": "append", "default": None}
    parser.add_argument(*param.opts, **options)


def _converter(param: Any) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return param.type.convert(text, param, None)
        except click.BadParameter as error:
            raise argparse.ArgumentTypeError(error.message) from error

    return convert
