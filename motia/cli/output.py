"""How commands show what they found: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import anyio
import click

from motia.app import Motia
from motia.cli.progress import progress
from motia.loading import load_app

T = TypeVar("T")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, nothing: str) -> None:
    """A list of equal rows.

    Args:
        nothing: said in place of an empty table.
    """
    if as_json:
        click.echo(json.dumps(list(rows), indent=2, default=str))
    elif rows:
        click.echo(_table(rows))
    else:
        click.echo(nothing)


def with_app(spec: str, work: Callable[[Motia], Coroutine[Any, Any, T]], **settings: Any) -> T:
    """Open the app, with these settings, do something with it, close it."""

    async def run() -> T:
        async with load_app(spec, **settings) as motia:
            return await work(motia)

    with progress(f"working on {named(spec)}"):
        return anyio.run(run)


def loaded(spec: str) -> Motia:
    """The app, checked and not opened."""
    with progress(f"loading {named(spec)}"):
        motia = load_app(spec)
        _ = motia.registry  # reads the step files
        return motia


def named(spec: str) -> str:
    """``APP`` as its user knows it: for those of a framework's command line, adapters have names of their own."""
    return "this app" if spec.startswith("motia.") else spec


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    cells = [names] + [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return _cell(", ".join(map(str, value)))
    text = "" if value is None else "yes" if value is True else "no" if value is False else str(value)
    line = text.split("\n")[-1 if text.startswith("Traceback") else 0]
    return line if len(line) <= 80 else line[:77] + "..."
