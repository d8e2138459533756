"""What the pages say is so."""

from __future__ import annotations

import importlib
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import motia
from motia import Motia, MotiaSettings, Step, errors
from motia.cli import cli
from motia.integrations.fastapi import mount
from motia.testing import MotiaTester
from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.running import run_page

DOCS = ROOT / "docs"
EVERYTHING = "\n".join(page.read_text() for page in PAGES)


def steps_of(names: dict[str, Any]) -> list[Step[..., Any]]:
    """The steps of a page, each name once."""
    return list({step.name: step for step in names.values() if isinstance(step, Step)}.values())


def eventually(look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


def test_the_first_steps_of_the_readme_work(folder: Path) -> None:
    names = run_page(ROOT / "README.md", folder)
    first = FastAPI()
    mount(first, Motia("memory:", steps=[names["hello"]]))
    with TestClient(first) as client:
        assert client.get("/hello/ada").json() == {"hello": "ada"}
        assert "/hello/{name}" in client.get("/openapi.json").json()["paths"]
    signup = importlib.import_module("signup")
    with TestClient(signup.app) as client:
        assert client.post("/signups", json={"email": "ada@shop.test"}).json() == {"status": "welcome"}
        assert eventually((folder / "motia.db").exists)


def test_the_flask_app_of_the_readme_works(folder: Path) -> None:
    run_page(ROOT / "README.md", folder)
    shop = importlib.import_module("shop").app
    client = shop.test_client()
    try:
        assert client.post("/orders", json={"id": "o1"}).get_json() == {"status": "accepted"}
        with shop.app_context():
            assert eventually(lambda: bool(motia.state_manager.get("shipped", "o1")))
    finally:
        shop.extensions["motia"].hosted.close()


def test_getting_started_answers_as_it_says(folder: Path) -> None:
    names = run_page(DOCS / "getting-started.md", folder)
    with TestClient(names["app"]) as client:
        accepted = client.post("/orders", json={"item": "lamp"})
        assert accepted.status_code == 201
        url = f"/orders/{accepted.json()['order_id']}"
        assert eventually(lambda: client.get(url).json() == {"item": "lamp", "status": "shipped"})
        assert client.get("/orders/nope").json()["error"]["message"] == "no such order"
        assert client.post("/orders", json={"quantity": 1}).status_code == 400


async def test_http_steps_answer_as_the_page_says(folder: Path) -> None:
    names = run_page(DOCS / "steps.md", folder)
    async with MotiaTester(Motia(steps=steps_of(names))) as t:
        created = await t.post("/shops/s1/orders", json={"item": "lamp"})
        assert (created.status, created.json) == (201, {"order_id": "s1-lamp"})
        assert (await t.post("/shops/s1/orders", json={})).status == 400
        assert (await t.get("/orders?size=3")).json == {"size": 3}
        assert (await t.get("/orders?size=x")).status == 400
        assert (await t.get("/reports")).status == 401
        assert (await t.get("/reports", headers={"X-Api-Key": "secret"})).json == {"account": "acme"}
        assert (await t.delete("/reports")).headers["allow"] == "GET, HEAD, OPTIONS"
        assert (await t.request("OPTIONS", "/reports")).status == 204


def test_dependencies_and_forms_work_as_the_page_says(folder: Path) -> None:
    names = run_page(DOCS / "fastapi.md", folder)
    app = FastAPI()
    mount(app, Motia("memory:", steps=steps_of(names)))
    with TestClient(app) as client:
        assert client.get("/me").status_code == 401
        assert client.get("/me", headers={"authorization": "x"}).json() == {"user": "ada"}
        assert client.post("/avatars", files={"file": b"12345"}).json() == {"bytes": 5}


def test_a_transaction_does_what_the_page_says(folder: Path) -> None:
    names = run_page(DOCS / "messages-and-state.md", folder)
    app = FastAPI()
    shop = Motia("sqlite:///shop.db", steps=[names["book"]])
    mount(app, shop)

    @app.post("/ledger")
    async def create() -> None:
        with closing(sqlite3.connect("shop.db")) as connection:
            connection.execute("CREATE TABLE ledger (order_id TEXT)")
        await shop.enqueue("order.paid", {"order_id": "o1"})

    @app.get("/status")
    async def status() -> Any:
        return await shop.state.get("orders", "o1")

    with TestClient(app) as client:
        client.post("/ledger")
        assert eventually(lambda: client.get("/status").json() == {"status": "booked"})


def test_the_settings_table_is_the_settings() -> None:
    rows = re.findall(r"^\| `(MOTIA_\w+)` \| (?:`([^`]*)`|none) \|", (DOCS / "worker.md").read_text(), re.MULTILINE)
    table = dict(rows)
    assert list(table) == [f"MOTIA_{name.upper()}" for name in MotiaSettings.model_fields]
    assert MotiaSettings.from_env(table) == MotiaSettings()


def test_every_error_has_a_heading() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    headings = re.findall(r"^### (\w+)$", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(classes - {"NonRetryable"})
    assert "`NonRetryable`" in (DOCS / "errors.md").read_text()


def test_every_public_name_is_on_some_page() -> None:
    unsaid = {name for name in motia.__all__ if not re.search(rf"\b{name}\b", EVERYTHING)}
    assert unsaid <= {"__version__", "stateManager", "stream"}


def test_every_command_and_option_is_on_the_page() -> None:
    text = (DOCS / "worker.md").read_text() + (DOCS / "command-line.md").read_text()
    for name, command in cli.commands.items():
        assert f"motia {name}" in text, name
        for option in command.params:
            if isinstance(option, click.Option):
                assert max(option.opts, key=len) in text, f"{name} {option.opts}"


def test_the_rooms_of_the_design_stand_in_the_order_that_is_enforced() -> None:
    contracts = (ROOT / ".importlinter").read_text()
    layers = contracts.split("layers =\n", 1)[1].split("\n\n", 1)[0].split()
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "design.md").read_text(), re.MULTILINE)
    told = " ".join(rows).replace("`", "").replace("·", "|").replace(",", "")
    assert ["__main__", *told.split()] == layers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_for_everybody(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"/(?:work|root|home|Users)/", text)
    assert all(line == line.rstrip() for line in text.splitlines())
    assert blocks(page, "python") or page.name in {"CHANGELOG.md", "design.md", "django.md", "errors.md"}
