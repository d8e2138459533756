"""The models, the migrations and motia's own statements say the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from motia import Motia
from motia.integrations.django.schema import _PARTS, RunRelease
from tests.django_site.databases import added, settings_of

IGNORED = {"motia_schema", "motia_lock"}  # the record of versions; rows to lock, which only MySQL needs


def test_every_released_version_is_in_a_migration() -> None:
    found: dict[str, list[int]] = {}
    migrations = MigrationLoader(None).disk_migrations
    for key in sorted(key for key in migrations if key[0] == "motia"):
        for operation in migrations[key].operations:
            if isinstance(operation, RunRelease):
                found.setdefault(operation.part, []).append(operation.version)
    assert found == {part: list(range(1, len(versions) + 1)) for part, versions in _PARTS.items()}


@pytest.mark.parametrize(
    "place",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.service),
        pytest.param("mysql", marks=pytest.mark.service),
    ],
    indirect=True,
)
def test_migrations_are_complete_and_can_be_undone(place: str) -> None:
    alias = f"schema_{place.partition(':')[0]}"
    with added(alias, settings_of(place), "motia"):
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)
        tables = set(connections[alias].introspection.table_names())
        assert {model._meta.db_table for model in apps.get_app_config("motia").get_models()} <= tables
        for model in apps.get_app_config("motia").get_models():
            list(model.objects.using(alias).all())
        call_command("migrate", "motia", "zero", database=alias, verbosity=0)
        assert not {name for name in connections[alias].introspection.table_names() if name.startswith("motia_")}


def test_the_tables_are_those_of_the_embedded_backend(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "motia.db", tmp_path / "django.db"

    async def make() -> None:
        async with Motia(f"sqlite:///{ours}", settings=None) as app:
            await app.running.backend.waiting.queue.migrate()

    anyio.run(make)
    with added("schema_equal", settings_of(f"sqlite:///{theirs}"), "motia"):
        pass
    assert _columns(theirs, ours) == _columns(ours, ours)


def _columns(path: Path, reference: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns and indexes of the tables that the reference has."""
    with closing(sqlite3.connect(reference)) as known, closing(sqlite3.connect(path)) as database:
        names = [row[0] for row in known.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [
                *database.execute('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', [name]),
                *database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", [name]),
            ]
            for name in names
            if name.startswith("motia_") and name not in IGNORED
        }
