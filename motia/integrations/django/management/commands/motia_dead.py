from __future__ import annotations

from motia.cli.operating import dead
from motia.integrations.django.management.click_commands import ClickCommand


class Command(ClickCommand):
    command = dead
