from __future__ import annotations

from typing import Any

import anyio
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from motia.app import pending_statements
from motia.cli.operating import migrate
from motia.integrations.django.checks import urls_of
from motia.integrations.django.management.click_commands import ClickCommand
from motia.integrations.django.project import current_motia, new_motia


class Command(ClickCommand):
    command = migrate

    def run(self, values: dict[str, Any]) -> None:
        """Have Django migrate the tables in the project's databases, then those elsewhere."""
        urls = urls_of(current_motia())
        aliases = [url.partition("://")[2] for url in urls if url.startswith("django:")]
        if not values["plan"]:
            for alias in aliases:
                call_command("migrate", "motia", database=alias)
        elif [alias for alias in aliases if self._planned(alias)]:
            for statement in anyio.run(pending_statements, new_motia()):
                self.stdout.write(f"{statement};\n")
            return
        super().run(values)

    def _planned(self, alias: str) -> bool:
        """Print what Django would run in a database, as SQL; whether there is anything."""
        executor = MigrationExecutor(connections[alias])
        wanted = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "motia"]
        planned = [migration.name for migration, _ in executor.migration_plan(wanted)]
        for name in planned:
            self.stdout.write(f"-- {name} of the app motia, in the database {alias!r}\n")
            call_command("sqlmigrate", "motia", name, database=alias, stdout=self.stdout)
        return bool(planned)
