"""``motia new``: a project that runs and tests at once."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from motia.errors import ConfigError

TEMPLATES = Path(__file__).with_name("templates")
KINDS = ("plain", "fastapi", "flask", "django")
_SUFFIX = ".tmpl"
_NEXT = {
    "plain": "motia dev",
    "fastapi": "motia dev app:app",
    "flask": "flask run --debug",
    "django": "python manage.py migrate && python manage.py runserver",
}


@click.command()
@click.argument("name", type=click.Path(path_type=Path))
@click.option("-t", "--template", type=click.Choice(KINDS), default="plain", show_default=True, help="Its framework.")
def new(name: Path, template: str) -> None:
    """Make a project in the folder NAME."""
    files = create(name, template)
    click.echo(f"{len(files)} files in {name}")
    extra = "[test]" if template != "django" else ""
    click.echo(f"next: cd {name} && pip install -e '.{extra}' && {_NEXT[template]}")


def create(folder: Path, kind: str) -> list[Path]:
    """Write the files of a template.

    Args:
        folder: is made; its last part is the name of the project.

    Raises:
        ConfigError: the folder is there and not empty, or its name is none for a project.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"expected {str(folder)!r} to be a new or an empty folder")
    name = folder.resolve().name
    module = re.sub(r"\W", "_", name).lower()
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise ConfigError(f"a project's name expected letters, digits, dots, dashes and underscores, got {name!r}")
    if kind == "django" and (module in {"orders", "django", "motia", "test"} or module in sys.stdlib_module_names):
        raise ConfigError(f"a project named {name!r} would hide a module of that name; choose another")
    written = []
    for source in ("every", kind):
        for template in sorted((TEMPLATES / source).rglob(f"*{_SUFFIX}")):
            relative = str(template.relative_to(TEMPLATES / source)).removesuffix(_SUFFIX)
            target = folder / relative.replace("@module@", module)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(template.read_text().replace("@module@", module).replace("@name@", name))
            written.append(target)
    return written


COMMANDS = [new]
