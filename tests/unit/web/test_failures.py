"""Whose fault it is when a step cannot send or store something: the request's, or the step's own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from motia import ApiRequest, FlowContext, HttpError, Motia, MotiaSettings, Stream, http, step
from motia.integrations.fastapi import mount
from motia.web.failures import error_answer


@step(triggers=[http("POST", "/keep/:id")])
async def keep(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    await ctx.state.set("kept", req.path_params["id"], req.body)
    await ctx.enqueue("kept", req.body)


@step(triggers=[http("POST", "/own")])
async def own(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    await ctx.enqueue("own", {"of": req.body, "is": {1, 2}})


@step(triggers=[http("POST", "/more")])
async def more(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    await ctx.enqueue("more", "x" * 2000)


things = Stream("failures")


class Order(BaseModel):
    id: str


@step(triggers=[http("POST", "/state/:id"), http("POST", "/state")])
async def name_of_state(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    await ctx.state.set("g", req.path_params.get("id", req.query_params.get("id")), 1)


@step(triggers=[http("POST", "/group/:id")])
async def part_of_a_group(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    await ctx.state.set(f"user:{req.path_params['id']}", "k", 1)


@step(triggers=[http("POST", "/item/:id")])
async def name_of_an_item(req: ApiRequest[Any]) -> Any:
    await things.set("g", req.path_params["id"], {})


@step(triggers=[http("POST", "/key", body_schema=Order)])
async def key_of_a_message(req: ApiRequest[Order], ctx: FlowContext[Any]) -> Any:
    await ctx.enqueue("keyed", {}, key=req.body.id)


@step(triggers=[http("POST", "/own-name/:id")])
async def name_of_its_own(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    await ctx.state.set("g", "k" * 2000, req.path_params["id"])


@step(triggers=[http("POST", "/fall")])
async def fall() -> None:
    raise ValueError("no")


STEPS = [keep, own, more, name_of_state, part_of_a_group, name_of_an_item, key_of_a_message, name_of_its_own, fall]


@pytest.fixture(scope="module")
def client() -> Any:
    app = FastAPI()
    mount(app, Motia("memory:", steps=STEPS, settings=MotiaSettings(payload_limit=1000)), worker=False)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("/keep/1", '"a\\u0000b"', 400, "unstorable_data"),
        ("/keep/1", '{"a": [123456789012345678901234567890]}', 400, "unstorable_data"),
        ("/keep/1", '"' + "x" * 1001 + '"', 413, "body_too_large"),
        ("/keep/1", "1", 204, None),
        ("/own", "1", 500, "internal_error"),
        ("/own", '"a\\u0000b"', 400, "unstorable_data"),
        ("/more", "1", 500, "internal_error"),
        ("/state/1", "1", 204, None),
        ("/state/a%00b", "1", 400, "unstorable_data"),
        (f"/state/{'x' * 2000}", "1", 400, "unstorable_data"),
        ("/state?id=a%00b", "1", 400, "unstorable_data"),
        ("/state?id=", "1", 400, "unstorable_data"),
        ("/state", "1", 500, "internal_error"),
        ("/group/a%00b", "1", 400, "unstorable_data"),
        (f"/group/{'x' * 2000}", "1", 400, "unstorable_data"),
        ("/item/a%00b", "1", 400, "unstorable_data"),
        (f"/item/{'x' * 2000}", "1", 400, "unstorable_data"),
        ("/key", '{"id": "a\\u0000b"}', 400, "unstorable_data"),
        ("/own-name/k", "1", 500, "internal_error"),
    ],
)
def test_what_came_with_the_request_is_the_clients(
    client: Any, target: str, body: str, status: int, code: str | None
) -> None:
    answer = client.post(target, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "not_found"),
        (418, "im_a_teapot"),
        (503, "service_unavailable"),
        (499, "http_499"),
        (511, "network_authentication_required"),
    ],
)
def test_a_code_is_made_of_the_status(status: int, code: str) -> None:
    assert json.loads(error_answer(HttpError(status)).body)["error"]["code"] == code  # type: ignore[arg-type]  # bytes


def test_what_a_step_raises_is_logged_from_the_step_on(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post("/fall").status_code == 500
    assert "in fall" in caplog.text
    assert "endpoint.py" not in caplog.text
