"""Databases of their own for Django tests: one alias per vendor, migrated, removed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.management import call_command
from django.db import connections

ENGINES = {"postgresql": "postgresql", "mysql": "mysql", "sqlite": "sqlite3"}


def settings_of(url: str, **options: Any) -> dict[str, Any]:
    """What ``DATABASES`` says for a URL."""
    parts = urlsplit(url)
    engine = f"django.db.backends.{ENGINES[parts.scheme]}"
    if parts.scheme == "sqlite":
        return {"ENGINE": engine, "NAME": parts.path[1:], "OPTIONS": {"timeout": 10, **options}}
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": engine,
        "NAME": parts.path[1:],
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "OPTIONS": {**given, **options},
    }


@contextmanager
def added(alias: str, settings: dict[str, Any], *labels: str) -> Iterator[str]:
    """A database of the project for the time of a block, with the tables of these apps."""
    connections.settings[alias] = settings
    connections.configure_settings(connections.settings)
    try:
        for label in labels:
            call_command("migrate", label, database=alias, verbosity=0)
        yield alias
    finally:
        for wrapper in connections.all(initialized_only=True):
            if wrapper.alias == alias:
                wrapper.close()
                del connections[alias]
        del connections.settings[alias]
