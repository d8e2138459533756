from __future__ import annotations

from motia.cli.operating import queues
from motia.integrations.django.management.click_commands import ClickCommand


class Command(ClickCommand):
    command = queues
