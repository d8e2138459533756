"""Each system check, by its id: silent where things fit, and heard where they do not."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

import motia
from motia.integrations.django.tasks import MotiaBackend
from tests.django_site.databases import added

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
MYSQL = {"ENGINE": "django.db.backends.mysql", "NAME": "x", "OPTIONS": {"isolation_level": "repeatable read"}}
ORACLE = {"ENGINE": "django.db.backends.oracle", "NAME": "x"}


@motia.step(triggers=[motia.http("GET", "/slow")])
async def slow() -> None:
    """Not for ATOMIC_REQUESTS."""


@motia.step(triggers=[motia.http("GET", "/guarded", dependencies=[7])])
def badly_guarded() -> None:
    """Its guard is no decorator."""


@motia.step("slow", triggers=[motia.http("GET", "/other")])
def namesake() -> None:
    """Has a name that is taken."""


def ids(*, deploy: bool = False) -> set[str]:
    found = run_checks(tags=["motia"], include_deployment_checks=deploy, databases=["default"])
    return {str(message.id) for message in found if str(message.id).startswith("motia.")}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    # id: further settings, databases to add, whether only with --deploy
    "E001": ({"MOTIA": {"NO_SUCH": 1}}, {}, False),
    "E002": ({"MOTIA": {"STEPS": [slow, namesake]}}, {}, False),
    "E003": ({"MOTIA": {"STEPS": [badly_guarded]}}, {}, False),
    "E004": ({"MOTIA": {"URL": "django://nowhere"}}, {}, False),
    "E005": ({"MOTIA": {"URL": "django://other"}}, {"other": ORACLE}, False),
    "W001": ({"MOTIA": {"URL": "django://other"}}, {"other": SQLITE}, False),
    "W002": ({"MOTIA": {"URL": "memory:"}}, {}, False),
    "W003": ({"MOTIA": {"STEPS": [slow]}}, {"other": {**SQLITE, "ATOMIC_REQUESTS": True}}, False),
    "W004": ({"ROOT_URLCONF": "tests.django.test_checks"}, {}, False),
    "W005": ({}, {}, True),
    "W006": ({"MOTIA": {"BODY_LIMIT": 101}, "DATA_UPLOAD_MAX_MEMORY_SIZE": 100}, {}, False),
    "W007": ({"MOTIA": {"URL": "django://other"}}, {"other": MYSQL}, False),
    "W008": ({"MOTIA": {"URL": "redis://127.0.0.1:1/0"}}, {}, True),
    "W009": ({"MOTIA": {"DEBUG": True}}, {}, True),
}
urlpatterns: list[Any] = []
"""This file as a URLconf without the steps."""


@pytest.mark.parametrize("code", CASES)
def test_it_is_heard(code: str) -> None:
    settings, databases, deploy = CASES[code]
    with ExitStack() as around:
        for alias, given in databases.items():
            around.enter_context(added(alias, given))
        around.enter_context(override_settings(**{"DATA_UPLOAD_MAX_MEMORY_SIZE": None, **settings}))
        assert f"motia.{code}" in ids(deploy=deploy)
        if deploy:
            assert f"motia.{code}" not in ids()


def test_nothing_is_heard_of_a_project_that_fits() -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=None):
        assert ids() == set()
        assert ids(deploy=True) == {"motia.W005"}  # it is on SQLite


def test_tasks_with_options_that_do_not_fit() -> None:
    wrong = {"default": {"BACKEND": "motia.integrations.django.tasks.MotiaBackend", "OPTIONS": {"max_retry": 1}}}
    with override_settings(TASKS=wrong):
        found = MotiaBackend("default", wrong["default"]).check()
        assert [message.id for message in found] == ["motia.E006"]


def test_they_open_no_connection() -> None:
    connections.close_all()
    with added("other", SQLITE), override_settings(MOTIA={"URL": "django://other"}):
        ids(deploy=True)
        assert connections["other"].connection is None
