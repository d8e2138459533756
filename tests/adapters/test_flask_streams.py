"""Streams as server-sent events under WSGI."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask import Flask

from motia import ApiRequest, HttpError, Motia, MotiaSettings, Stream, http, step
from motia.integrations.flask import mount
from motia.testing.conformance.adapters import Client
from tests.adapters.serving import served_wsgi

PATH = "/__motia/streams/flask-todo"
left: list[Any] = []
todo = Stream("flask-todo", on_leave=lambda subscription, context: left.append((subscription.group_id, context)))


@step(triggers=[http("PUT", "/todo/:group/:id")])
def put(req: ApiRequest[Any]) -> None:
    todo.set(req.path_params["group"], req.path_params["id"], req.body)


def _authenticate(request: Any) -> Any:
    if "wrong" in request.query_params:
        raise HttpError(403)
    return request.native.headers.get("x-user"), flask.request.path


@pytest.fixture
def client() -> Iterator[Client]:
    app = Flask(__name__)
    settings = MotiaSettings(threads=4)
    mount(app, Motia("memory:", steps=[put], authenticate=_authenticate, settings=settings), worker=False)
    with served_wsgi(app) as address:
        yield Client(address)
        app.extensions["motia"].hosted.close()


def _event(response: Any) -> dict[str, str]:
    """The next event of an answer; comments and retry advice are none."""
    while True:
        fields = {}
        while (line := response.readline().decode().rstrip("\n")) != "":
            name, _, value = line.partition(": ")
            fields[name] = value
        if "event" in fields:
            return fields


def test_changes_arrive_and_leaving_is_noticed(client: Client) -> None:
    client.send("PUT", "/todo/g/a", json={"n": 1})
    with client.open("GET", f"{PATH}/g", headers={"x-user": "u1"}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert _event(response)["event"] == "sync"
        client.send("PUT", "/todo/g/a", json={"n": 2})
        event = _event(response)
        assert (event["event"], json.loads(event["data"])["event"]["data"]["n"]) == ("update", 2)
    deadline = time.monotonic() + 20
    while ("g", ("u1", f"{PATH}/g")) not in left and time.monotonic() < deadline:
        client.send("PUT", "/todo/g/a", json={"n": 3})  # a server notices with what it cannot send
        time.sleep(0.02)
    assert ("g", ("u1", f"{PATH}/g")) in left


def test_client_goes_on_from_its_last_event(client: Client) -> None:
    client.send("PUT", "/todo/h/a", json={"n": 1})
    with client.open("GET", f"{PATH}/h/a") as response:
        cursor = _event(response)["id"]
    client.send("PUT", "/todo/h/a", json={"n": 2})
    with client.open("GET", f"{PATH}/h/a", headers={"last-event-id": cursor}) as response:
        assert json.loads(_event(response)["data"])["event"]["data"]["n"] == 2


def test_refusals_and_methods(client: Client) -> None:
    assert client.get(f"{PATH}/g?wrong=1").status == 403
    assert client.get("/__motia/streams/nope/g").status == 404
    assert client.get(f"{PATH}/g", {"origin": "https://evil.example"}).status == 403
    assert client.send("POST", f"{PATH}/g").header("allow") == "GET, HEAD, OPTIONS"
    assert client.send("OPTIONS", f"{PATH}/g").status == 204
    assert client.send("HEAD", f"{PATH}/g").header("content-type") == "text/event-stream"


def test_followers_leave_threads_to_others(client: Client) -> None:
    with client.open("GET", f"{PATH}/x") as one, client.open("GET", f"{PATH}/x") as two:
        assert [one.status, two.status] == [200, 200]
        third = client.get(f"{PATH}/x")
        assert (third.status, third.header("retry-after")) == (503, "5")
