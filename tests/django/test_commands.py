"""``manage.py motia_...``: the verbs of the command line for the app of the project."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings

import motia
from motia.integrations.django.models import Delivery
from motia.integrations.django.testing import drain, enqueued
from tests.django_site.databases import added
from tests.django_site.shop.models import Order


@motia.step(triggers=[motia.queue("broken", config={"max_retries": 0})])
def break_down(data: Any) -> None:
    raise RuntimeError("no")


@motia.step(enqueues=["nobody.listens"])
def add(data: dict[str, int]) -> int:
    return data["a"] + data["b"]


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # commands add to it
    with override_settings(MOTIA={"STEPS": [break_down, add]}):
        yield
    Delivery.objects.all().delete()
    Order.objects.all().delete()


def run(name: str, *args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(f"motia_{name}", *args, stdout=out, **options)
    return out.getvalue()


def test_emit_sends() -> None:
    order = Order.objects.create(sku="a")
    run("emit", "order.created", json.dumps({"id": order.pk}))
    assert enqueued() == [("order.created", {"id": order.pk})]
    assert drain() == 2
    order.refresh_from_db()
    assert order.paid


def test_emit_of_what_is_no_json() -> None:
    with pytest.raises(CommandError, match="JSON"):
        run("emit", "order.created", "{")
    assert enqueued() == []


def test_what_is_printed_is_what_the_command_line_prints() -> None:
    assert json.loads(run("steps", "--json"))
    assert run("steps").startswith("name ")
    assert run("dead") == "no dead letters\n"
    assert run("openapi").startswith("{")


def test_invoke_prints_the_result() -> None:
    assert json.loads(run("invoke", "add", '{"a": 2, "b": 3}')) == 5


def test_invoke_of_a_step_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="ad"):
        run("invoke", "ad")


def test_dead_letters_are_listed_redriven_and_discarded() -> None:
    for number in range(3):
        motia.enqueue("broken", number)
    drain()
    letters = json.loads(run("dead", "--json"))
    assert [letter["step"] for letter in letters] == ["break_down"] * 3
    assert all("no" in letter["error"] for letter in letters)
    run("dead", "redrive", letters[0]["id"])
    assert Delivery.objects.filter(state="ready").count() == 1
    run("dead", "discard", "--step", "break_down", "--all")
    assert json.loads(run("dead", "--json")) == []
    assert Delivery.objects.count() == 1


def test_routes_and_check() -> None:
    shown = run("routes")
    assert "/orders" in shown
    assert "create_order" in shown
    with pytest.raises((CommandError, SystemExit)) as caught:
        run("check")
    assert str(caught.value) != "0"


def test_migrate_is_that_of_django(tmp_path: Path) -> None:
    place = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "new.db")}
    with added("new", place), override_settings(MOTIA={"URL": "django://new"}):
        plan = run("migrate", "--plan")
        assert "CREATE TABLE motia_delivery" in plan
        assert "up to date" not in plan
        assert connections["new"].introspection.table_names() == []
        assert "up to date" in run("migrate")
        assert "motia_delivery" in connections["new"].introspection.table_names()
        assert run("migrate", "--plan").strip() == "the tables are up to date"


def test_the_plan_has_the_outbox_and_the_queue_elsewhere(tmp_path: Path) -> None:
    place = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "new.db")}
    elsewhere = {"URL": f"sqlite:///{tmp_path / 'queue.db'}", "OUTBOX": "django://outgoing"}
    with added("outgoing", place), override_settings(MOTIA=elsewhere):
        plan = run("migrate", "--plan")
        assert "CREATE TABLE motia_outbox" in plan
        assert plan.count("CREATE TABLE motia_delivery") == 2, "one is Django's, which makes all tables of the app"
        run("migrate")
        assert run("migrate", "--plan").strip() == "the tables are up to date"
