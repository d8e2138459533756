"""The app in ``INSTALLED_APPS``: finds the steps, registers checks, and gives ambient functions their app."""

from __future__ import annotations

from django.apps import AppConfig


class MotiaConfig(AppConfig):
    """``motia.integrations.django``, under the label ``motia``."""

    name = "motia.integrations.django"
    label = "motia"
    verbose_name = "Motia"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from motia.integrations.django import checks, signals

        checks.connect()
        signals.connect()
