"""The desk as its users see it, with the worker in the same process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from examples.flask_app.app import create_app
from examples.flask_app.models import Ticket, db


def until(ready: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(str(tmp_path))
    yield app
    app.extensions["motia"].hosted.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.post("/login", data={"name": "ada"})
    return client


def test_ticket_is_sorted_in_the_background(client: FlaskClient) -> None:
    reply = client.post("/tickets", json={"text": "Urgent: the lift stands still"})
    assert (reply.status_code, reply.json) == (201, {"id": 1, "state": "open"})
    assert until(lambda: client.get("/tickets/1").json["state"] == "sorted")
    assert client.get("/tickets/1").json["urgent"] is True
    assert until(lambda: client.get("/status").json["calls"]) == 1
    assert "the lift stands still (sorted)" in client.get("/").text


def test_message_of_a_ticket_that_is_rolled_back_never_was(app: Flask, client: FlaskClient) -> None:
    assert client.post("/tickets", json={"text": "buy spam"}).status_code == 422
    assert client.post("/tickets", json={"text": "a lamp is out"}).status_code == 201
    assert until(lambda: client.get("/tickets/1").json["state"] == "sorted")
    with app.app_context():
        assert db.session.query(Ticket).count() == 1
    queues = app.test_cli_runner().invoke(args=["motia", "dead"]).output
    assert "no dead letters" in queues


def test_strangers_see_nothing(app: Flask, client: FlaskClient) -> None:
    client.post("/tickets", json={"text": "a lamp is out"})
    stranger = app.test_client()
    assert stranger.get("/tickets/1").status_code == 401
    assert stranger.get("/__motia/streams/desk/1").status_code == 401
    stranger.post("/login", data={"name": "eve"})
    assert stranger.get("/tickets/1").status_code == 404
    assert stranger.get("/__motia/streams/desk/1").status_code == 403


def test_ticket_that_does_not_fit_is_400(client: FlaskClient) -> None:
    reply = client.post("/tickets", json={"text": "x"})
    assert (reply.status_code, reply.json["error"]["details"][0]["loc"]) == (400, ["text"])


def test_export_has_a_line_per_ticket(client: FlaskClient) -> None:
    for number in range(3):
        client.post("/tickets", json={"text": f"ticket {number}"})
    lines = client.get("/export").text.splitlines()
    assert [f'"text":"ticket {number}"' in line for number, line in enumerate(lines)] == [True] * 3


def test_page_is_told_of_what_becomes_of_a_ticket(client: FlaskClient) -> None:
    client.post("/tickets", json={"text": "a lamp is out"})
    assert until(lambda: client.get("/tickets/1").json["state"] == "sorted")
    events = client.get("/__motia/streams/desk/1")
    told = b""
    for chunk in events.iter_encoded():
        told += chunk
        if b"event: sync" in told:
            break
    events.close()
    assert b"a lamp is out" in told


def test_report_counts_what_waits(app: Flask, client: FlaskClient) -> None:
    client.post("/tickets", json={"text": "a lamp is out"})
    assert until(lambda: client.get("/tickets/1").json["state"] == "sorted")
    result = app.test_cli_runner().invoke(args=["motia", "schedules", "run", "morning_report"])
    assert result.exit_code == 0, result.output
    assert until(lambda: client.get("/status").json["report"]) == {"waiting": 1}
