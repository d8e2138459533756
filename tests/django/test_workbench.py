"""The Workbench of a Django project: what its settings may say, and what the checks say of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from motia.errors import ConfigError
from motia.integrations.django.conf import read_project
from motia.web.workbench import Workbench, django_staff

known = django_staff()


def role_of(user: Any) -> str:
    return "viewer"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "auto"),
        ({"WORKBENCH": False}, False),
        ({"WORKBENCH": Workbench(authorize=known)}, Workbench(authorize=known)),
        ({"WORKBENCH": "tests.django.test_workbench.MADE"}, Workbench(read_only=True)),
        ({"AUTHORIZE": "tests.django.test_workbench.known"}, Workbench(authorize=known)),
        (
            {"WORKBENCH": {"AUTHORIZE": "tests.django.test_workbench.known", "role": "admin", "REDACT": ["iban"]}},
            Workbench(authorize=known, role="admin", redact=["iban"]),
        ),
        (
            {"WORKBENCH": {"authorize": known, "role": "tests.django.test_workbench.role_of"}},
            Workbench(authorize=known, role=role_of),
        ),
    ],
)
def test_settings(given: dict[str, Any], expected: Any) -> None:
    with override_settings(MOTIA={"URL": "memory:", **given}):
        assert read_project().workbench == expected


MADE = Workbench(read_only=True)


@pytest.mark.parametrize(
    "given", [{"WORKBENCH": "nothing.there"}, {"WORKBENCH": 3}, {"WORKBENCH": {"autorize": known}}, {"AUTHORIZE": 3}]
)
def test_nonsense_is_told_of(given: dict[str, Any]) -> None:
    with override_settings(MOTIA={"URL": "memory:", **given}), pytest.raises(ConfigError, match="MOTIA"):
        read_project()


def test_production_without_anybody_is_an_error() -> None:
    with override_settings(DEBUG=False, MOTIA={"URL": "memory:", "WORKBENCH": True}):
        found = {message.id: message for message in run_checks(tags=["motia"])}
    assert "nobody says who may see it" in found["motia.E007"].msg
    assert "django_staff()" in str(found["motia.E007"].hint)


@pytest.mark.parametrize("given", [{"WORKBENCH": "auto"}, {"AUTHORIZE": known}, {"WORKBENCH": False}])
def test_what_is_right_is_none(given: dict[str, Any]) -> None:
    with override_settings(DEBUG=False, MOTIA={"URL": "memory:", **given}):
        assert "motia.E007" not in {message.id for message in run_checks(tags=["motia"])}
