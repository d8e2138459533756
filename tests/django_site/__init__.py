"""A Django project for tests."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec

import django
from django.apps import apps


def ready() -> None:
    """Set Django up, once per process."""
    if find_spec("MySQLdb") is None and find_spec("pymysql") is not None:
        import_module("pymysql").install_as_MySQLdb()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django_site.settings")
    if not apps.ready:
        django.setup()
