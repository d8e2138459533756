from __future__ import annotations

from motia.cli.inspecting import check
from motia.integrations.django.management.click_commands import ClickCommand


class Command(ClickCommand):
    command = check
