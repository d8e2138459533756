from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from motia.cli.working import worker
from motia.integrations.django.management.click_commands import ClickCommand
from motia.integrations.django.reloading import run_reloading


class Command(ClickCommand):
    command = worker
    without = ("reload",)
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reload", action="store_true", default=None, help="Start again when a file changes.")
        parser.add_argument("--no-reload", dest="reload", action="store_false", help="Do not, though DEBUG is on.")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options.pop("reload")
        self._reloads = settings.DEBUG and not options["drain"] if chosen is None else chosen
        super().handle(*args, **options)

    def run(self, values: dict[str, Any]) -> None:
        if self._reloads:
            run_reloading(values)
        else:
            super().run(values)
