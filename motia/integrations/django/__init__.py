"""Django: steps of every installed app, queue and state in the project's own database.

``INSTALLED_APPS += ["motia.integrations.django"]``, ``path("", include("motia.integrations.django.urls"))``, and
optionally ``MOTIA = {...}``. Importing this package loads nothing but a check that Django is there.
"""

from __future__ import annotations

from importlib.util import find_spec

from motia.errors import MissingDependency

if find_spec("django") is None:
    raise MissingDependency("motia.integrations.django needs Django: pip install 'motia[django]'")
