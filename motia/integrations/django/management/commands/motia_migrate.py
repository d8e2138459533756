from __future__ import annotations

from typing import Any

from django.core.management import call_command

from motia.cli.operating import migrate
from motia.integrations.django.checks import urls_of
from motia.integrations.django.management.click_commands import ClickCommand
from motia.integrations.django.project import current_motia


class Command(ClickCommand):
    command = migrate

    def run(self, values: dict[str, Any]) -> None:
        """Have Django migrate the tables in the project's databases, then those elsewhere."""
        for url in urls_of(current_motia()):
            if url.startswith("django:"):
                call_command("migrate", "motia", database=url.partition("://")[2], plan=values["plan"])
        super().run(values)
