"""``motia completion``, and what stands for APP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
_HIDDEN = (".", "__")


def complete_app(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, and Python files as the beginning of ``module:attribute``."""
    typed = Path(incomplete)
    parent = typed if incomplete.endswith("/") else typed.parent
    start = "" if incomplete.endswith("/") else typed.name
    items = []
    for path in sorted(parent.iterdir()) if parent.is_dir() else ():
        if path.name.startswith(_HIDDEN) or not path.name.startswith(start):
            continue
        if path.is_dir():
            items.append(CompletionItem(str(path)))
        elif path.suffix == ".py":
            items.append(CompletionItem(".".join(path.with_suffix("").parts) + ":"))
    return items


def app_argument(command: CommandT) -> CommandT:
    """The argument APP."""
    return click.argument("app", shell_complete=complete_app)(command)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, options and APP.

    For example: eval "$(motia completion bash)"
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "motia", "_MOTIA_COMPLETE").source())


COMMANDS = [completion]
