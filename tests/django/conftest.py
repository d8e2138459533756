"""The test database of the Django project, for every test below."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

from motia import ambient
from tests.django_site import ready

ready()
from motia.integrations.django.project import current_motia  # noqa: E402  # needs Django to be set up


@pytest.fixture(scope="session", autouse=True)
def test_databases() -> Iterator[None]:
    setup_test_environment()
    old = setup_databases(verbosity=0, interactive=False, aliases=["default"])
    yield
    teardown_databases(old, verbosity=0)
    teardown_test_environment()


@pytest.fixture(autouse=True)
def _no_other_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that another test has left open in this process is not this project's."""
    monkeypatch.setattr(ambient, "_open_apps", [])
    monkeypatch.setattr(ambient, "_default", current_motia)
