from __future__ import annotations

from motia.cli.drawing import graph
from motia.integrations.django.management.click_commands import ClickCommand


class Command(ClickCommand):
    command = graph
