"""``motia graph`` and ``motia openapi``: an app as other tools read it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from motia.cli.completion import app_argument
from motia.cli.output import loaded
from motia.errors import ConfigError, did_you_mean

_output = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file, instead.")


@click.command()
@app_argument
@click.option("--flow", "chosen", multiple=True, help="Only this flow; may be repeated.")
@click.option("--format", "form", type=click.Choice(["mermaid", "svg"]), help="Default: by the name of the file.")
@click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
@_output
def graph(app: str, chosen: tuple[str, ...], form: str | None, as_json: bool, output: Path | None) -> None:
    """The flows of APP as a Mermaid diagram, as SVG or as JSON."""
    from motia.web.drawing import svg
    from motia.web.graph import flows_of, mermaid

    flows = flows_of(loaded(app).steps)
    names = [flow.name for flow in flows]
    for name in chosen:
        if name not in names:
            raise ConfigError(f"no flow {name!r}; {did_you_mean(name, names)}")
    flows = [flow for flow in flows if not chosen or flow.name in chosen]
    if as_json:
        write(json.dumps([flow.as_dict() for flow in flows], indent=2) + "\n", output)
    elif form == "svg" or (form is None and output is not None and output.suffix == ".svg"):
        write(svg(flows), output)
    else:
        write(mermaid(flows), output)


@click.command()
@app_argument
@click.option("--title", default="motia", show_default=True, help="Of the API.")
@click.option("--api-version", "version", default="0.1.0", show_default=True, help="Of the API.")
@click.option("--prefix", default="", help="Put before every path, as it is where the app is mounted.")
@click.option("--json", "as_json", is_flag=True, help="JSON for programs, which it always is.")
@_output
def openapi(app: str, title: str, version: str, prefix: str, as_json: bool, output: Path | None) -> None:
    """The http steps of APP as an OpenAPI 3.1 document."""
    from motia.web.openapi import document

    made = document(loaded(app), prefix=prefix, title=title, version=version)
    write(json.dumps(made, indent=2) + "\n", output)


def write(text: str, output: Path | None) -> None:
    """Print a text, or put it into a file."""
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
        click.echo(f"wrote {output}", err=True)


COMMANDS = [graph, openapi]
