from __future__ import annotations

from motia.cli.inspecting import steps
from motia.integrations.django.management.click_commands import ClickCommand


class Command(ClickCommand):
    command = steps
