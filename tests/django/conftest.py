"""The test database of the Django project, for every test below."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

from tests.django_site import ready

ready()


@pytest.fixture(scope="session", autouse=True)
def test_databases() -> Iterator[None]:
    setup_test_environment()
    old = setup_databases(verbosity=0, interactive=False, aliases=["default"])
    yield
    teardown_databases(old, verbosity=0)
    teardown_test_environment()
