"""Step files of every shape that Motia's generations had, unmodified, under ``motia dev``, over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from tests.flows.developing import Dev, body_of, eventually, motia_dev

FILES = Path(__file__).parents[1] / "stepfiles"
pytest.importorskip("uvicorn", reason="motia dev needs motia[serve]")
pytest.importorskip("dotenv", reason="motia dev needs motia[serve]")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("project") / "stepfiles"
    shutil.copytree(FILES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with motia_dev("--port", "0", "--no-reload", str(folder), cwd=folder.parent) as running:
        running.connect()
        yield running


@pytest.fixture
def http(dev: Dev) -> httpx2.Client:
    assert dev.http is not None
    return dev.http


def seen(http: httpx2.Client, key: str) -> Any:
    """What a step has left behind, once it has."""
    return eventually(lambda: body_of(http.get(f"/seen/{key}"))["value"])


def test_0x_api_event_and_everything_after(http: httpx2.Client, dev: Dev) -> None:
    order = {"items": [{"price": 2.5, "count": 2}]}
    answer = http.post("/zero/orders/ann?tag=a&tag=b", json=order)
    assert answer.status_code == 201
    assert answer.headers["x-rate"] == "3"
    assert body_of(answer) == {
        "total": 6.0,
        "greeting": "hello from the environment",
        "tag": ["a", "b"],
        "raw": len(answer.request.content),
        "flows": ["zero"],
        "same": True,
    }
    assert seen(http, "billed") == {"customer": "ann", "same_trace": True}
    undeclared = seen(http, "undeclared")
    assert undeclared["from"] == "ann"
    assert len(undeclared["trace"]) == 32
    assert seen(http, "positional") == "ann"
    assert seen(http, "orders") == {"count": 1}
    dev.wait_for("emits 'zero.undeclared', which its config does not declare")


def test_0x_schemas_are_documentation(http: httpx2.Client, dev: Dev) -> None:
    answer = http.post("/zero/orders/ann", json={"items": "none"})
    assert (answer.status_code, body_of(answer)) == (400, {"error": "items are missing"})
    dev.wait_for(
        "the body does not fit its schema: items: 'none' is not of type 'array'; the handler runs all the same"
    )
    assert http.post("/zero/orders/ann").status_code == 400


def test_0x_middleware(http: httpx2.Client) -> None:
    refused = http.get("/zero/me")
    assert (refused.status_code, refused.headers["x-stamp"]) == (401, "Me")
    answer = http.get("/zero/me", headers={"authorization": "Bearer ann"})
    assert (answer.headers["x-stamp"], body_of(answer)) == ("Me", {"user": "ann", "logger": True})


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("plain", 200, {"message": "no status"}),
        ("status_code", 202, {"a": 1}),
        ("error", 404, {"error": "not here"}),
        ("list", 200, [1, 2]),
        ("domain", 200, {"status": "shipped", "body": 5}),
    ],
)
def test_answers(http: httpx2.Client, kind: str, status: int, body: Any) -> None:
    answer = http.get(f"/zero/answers/{kind}")
    assert (answer.status_code, body_of(answer)) == (status, body)


def test_answers_that_are_not_json(http: httpx2.Client) -> None:
    assert http.get("/zero/answers/text").text == "plain text"
    assert (http.get("/zero/answers/none").status_code, http.get("/zero/answers/none").content) == (204, b"")
    failed = http.get("/zero/answers/boom")
    assert failed.status_code == 500
    assert "secret" not in failed.text


def test_early_generations(http: httpx2.Client) -> None:
    assert body_of(http.post("/early/dicts", json={"n": 7})) == {"seen_by": "traced"}
    assert seen(http, "dicts") == 7
    assert body_of(http.post("/early/match", json=[1])) == {"topic": None, "path": "/early/match", "data": [1]}
    assert seen(http, "match") == {"topic": "early.match", "data": [1]}


def test_1x_models_queue_state_and_module_level_functions(http: httpx2.Client) -> None:
    answer = http.post("/one/todos", json={"title": "write"})
    assert (answer.status_code, body_of(answer)) == (201, {"title": "write", "done": True, "input": True})
    assert http.post("/one/todos", json={"titel": "write"}).status_code == 400
    assert seen(http, "todo")["title"] == "write"
    assert seen(http, "counted") == {"first": True, "before": None}
    assert seen(http, "state") == {"same": True, "title": "write", "type": "state"}


def test_1x_arguments_and_conditions(http: httpx2.Client) -> None:
    answer = body_of(http.put("/one/args/7%2F8", json={"a": 1}))
    assert answer == {
        "id": "7/8", "method": "PUT", "body": {"a": 1}, "size": 7, "is_request": True, "missing": "default"
    }  # fmt: skip
    assert body_of(http.get("/one/args/fixed"))["id"] is None
    unmet = http.put("/one/args/7", headers={"x-mood": "bad"})
    assert (unmet.status_code, body_of(unmet)["skipped"]) == (422, True)


def test_1x_answers_written_in_pieces(http: httpx2.Client) -> None:
    answer = http.post("/one/events", content=b"abc")
    assert (answer.status_code, answer.headers["content-type"]) == (201, "text/event-stream")
    assert answer.text == "data: 0 of 3\n\ndata: 1 of 3\n\ndata: 2 of 3\n\n"
    written = http.post("/one/written", content=b"abc")
    assert (written.text, written.headers["content-type"]) == ("a,b\n3,3\n", "text/csv")


def test_multi_trigger_steps_and_builders(http: httpx2.Client) -> None:
    assert body_of(http.post("/one/multi", json={"n": 3})) == {"queue": True}
    assert seen(http, "multi") == 3
    assert http.get("/one/built").text == "built"


def test_0x_streams(http: httpx2.Client) -> None:
    answer = http.post("/zero/cards/a")
    assert (answer.status_code, body_of(answer)) == (201, {"title": 5, "id": "a"})
    lane = body_of(http.get("/zero/lane"))
    assert lane == [{"title": 5, "id": "a"}, {"title": "not awaited", "id": "other"}]


def test_1x_streams_and_stream_triggers(http: httpx2.Client) -> None:
    answer = body_of(http.put("/one/stream-todos/7", json={"title": "sing"}))
    assert answer["result"] == {"old_value": None, "new_value": {"title": "sing", "id": "7"}}
    item = {"title": "sing", "done": True, "id": "7"}
    assert answer["all"] == [item]
    assert seen(http, "stream") == {"id": "7", "same": True, "data": item}


def test_streams_of_files_can_be_followed(http: httpx2.Client) -> None:
    http.put("/one/stream-todos/9", json={"title": "follow"})
    with http.stream("GET", "/__motia/streams/todo/inbox") as events:
        text = next(line for line in events.iter_lines() if line.startswith("data:"))
    frame = json.loads(text.removeprefix("data:"))
    assert (frame["streamName"], frame["event"]["type"]) == ("todo", "sync")
    assert "9" in {item["id"] for item in frame["event"]["data"]}
    for refused in ("/__motia/streams/todo/closed", "/__motia/streams/board/secret"):
        assert http.get(refused).status_code == 403
    with connect(f"ws://{http.base_url.netloc.decode()}/__motia/streams") as socket:
        told = {"streamName": "todo", "groupId": "inbox", "id": "9", "subscriptionId": "s"}
        socket.send(json.dumps({"type": "join", "data": told}))
        assert json.loads(socket.recv(10))["event"]["data"]["title"] == "follow"
