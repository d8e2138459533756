"""Following streams as server-sent events, in every framework, WSGI included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from motia import ApiRequest, Step, Stream
from motia.errors import HttpError
from motia.messages import new_id
from motia.testing.conformance.adapter_client import Client
from motia.testing.conformance.adapter_spying import route

PATH = "/__motia/streams/conformance"
left: list[str] = []


def authenticate(request: Any) -> Any:
    """Who the client says it is; ``nobody`` is refused."""
    name = request.query_params.get("name")
    if name == "nobody":
        raise ValueError("nobody is not let in")
    if name == "tired":
        raise HttpError(429, "come back later")
    return {"name": name, "native": request.native is not None, "path": request.path}


def _can_access(subscription: Any, context: Any) -> bool:
    if subscription.group_id == "broken":
        raise ZeroDivisionError
    assert context["native"]
    assert context["path"].startswith(PATH)
    return bool(subscription.group_id != "private" or context["name"] == "owner")


async def _on_join(subscription: Any, context: Any) -> Any:
    return {"unauthorized": subscription.id == "refused"}


def _on_leave(subscription: Any, context: Any) -> None:
    left.append(subscription.group_id)


def following() -> list[Step[..., Any]]:
    """Steps that change a stream."""
    Stream("conformance", can_access=_can_access, on_join=_on_join, on_leave=_on_leave)

    @route("POST", "/stream/:group/:id")
    async def put(req: ApiRequest[Any], ctx: Any) -> Any:
        return dict(await ctx.streams.conformance.set(req.path_params["group"], req.path_params["id"], req.body))

    @route("DELETE", "/stream/:group/:id")
    def remove(req: ApiRequest[Any], ctx: Any) -> Any:
        return ctx.streams.conformance.delete(req.path_params["group"], req.path_params["id"])

    @route("POST", "/event/:group")
    async def send(req: ApiRequest[Any], ctx: Any) -> None:
        await ctx.streams.conformance.send(req.path_params["group"], req.body)

    @route("GET", "/left")
    async def gone() -> Any:
        return left

    return [put, remove, send, gone]


class Event:
    """A server-sent event."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.kind = fields["event"]
        self.id = fields["id"]
        self.data = json.loads(fields["data"])


def events(response: Any) -> Iterator[Event]:
    """The events of an answer, as they come."""
    fields: dict[str, str] = {}
    for line in response:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name and value:
            fields[name] = value
        elif not name and "event" in fields:
            yield Event(fields)
            fields = {}


@contextmanager
def followed(client: Client, target: str, headers: Mapping[str, str] | None = None) -> Iterator[Iterator[Event]]:
    """Follow something for the time of a block."""
    with client.open("GET", target, headers=headers or {}) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield events(response)


class EventCases:
    """Everything that following a stream over http promises."""

    def test_a_group_is_told_of_everything_in_order(self, client: Client) -> None:
        client.send("POST", "/stream/all/a", json={"n": 1})
        with followed(client, f"{PATH}/all") as told:
            first = next(told)
            assert (first.kind, first.data["event"]["data"]) == ("sync", [{"n": 1, "id": "a"}])
            client.send("POST", "/stream/all/b", json={"n": 2})
            client.send("POST", "/stream/all/a", json={"n": 3})
            client.send("POST", "/stream/other/a", json={"n": 9})
            client.send("POST", "/event/all", json={"type": "typing", "data": [1]})
            client.send("DELETE", "/stream/all/a")
            seen = [next(told) for _ in range(4)]
        assert [(event.kind, event.data["id"]) for event in seen] == [
            ("create", "b"), ("update", "a"), ("event", None), ("delete", "a"),
        ]  # fmt: skip
        assert seen[2].data["event"]["event"] == {"type": "typing", "data": [1]}
        assert seen[3].data["event"]["data"] == {"n": 3, "id": "a"}
        stamps = [event.data["timestamp"] for event in (first, *seen)]
        assert stamps == sorted(set(stamps))

    def test_an_item_is_told_of_alone(self, client: Client) -> None:
        with followed(client, f"{PATH}/one/b%20c") as told:
            assert next(told).data["event"] == {"type": "sync", "data": None}
            client.send("POST", "/stream/one/a", json={})
            client.send("POST", "/stream/one/b%20c", json={"x": "ü"})
            event = next(told)
            assert (event.kind, event.data["id"], event.data["event"]["data"]["x"]) == ("create", "b c", "ü")

    def test_names_may_have_slashes(self, client: Client) -> None:
        with followed(client, f"{PATH}/a%2Fb/c%2Fd") as told:
            first = next(told)
            assert (first.data["groupId"], first.data["id"]) == ("a/b", "c/d")

    def test_a_client_goes_on_where_it_stopped(self, client: Client) -> None:
        with followed(client, f"{PATH}/resumed") as told:
            next(told)
            client.send("POST", "/stream/resumed/a", json={"n": 0})
            last = next(told)
        for number in range(1, 5):
            client.send("POST", "/stream/resumed/a", json={"n": number})
        with followed(client, f"{PATH}/resumed", {"last-event-id": last.id}) as told:
            found = [next(told) for _ in range(4)]
            assert [event.data["event"]["data"]["n"] for event in found] == [1, 2, 3, 4]
            client.send("POST", "/stream/resumed/a", json={"n": 5})
            assert next(told).data["event"]["data"]["n"] == 5
        with followed(client, f"{PATH}/resumed?lastEventId={found[-1].id}") as told:
            assert next(told).data["event"]["data"]["n"] == 5

    @pytest.mark.parametrize("cursor", ["nonsense", "1-1", "9999999999999-3", "-", "1" * 40])
    def test_a_cursor_of_somebody_else_begins_anew(self, client: Client, cursor: str) -> None:
        with followed(client, f"{PATH}/anew", {"last-event-id": cursor}) as told:
            assert next(told).kind == "sync"

    @pytest.mark.parametrize(
        ("target", "status"),
        [
            (f"{PATH}/private", 403),
            (f"{PATH}/private?name=guest", 403),
            (f"{PATH}/broken", 403),
            (f"{PATH}/all/refused", 403),
            (f"{PATH}/all?name=nobody", 401),
            (f"{PATH}/all?name=tired", 429),
            ("/__motia/streams/undeclared/all", 404),
            ("/__motia/streams/no%20name/all", 404),
        ],
    )
    def test_the_gate_is_asked_first(self, client: Client, target: str, status: int) -> None:
        reply = client.send("GET", target)
        assert reply.status == status
        assert "traceback" not in reply.text.lower()
        assert reply.error

    def test_the_owner_gets_in(self, client: Client) -> None:
        with followed(client, f"{PATH}/private?name=owner") as told:
            assert next(told).kind == "sync"

    @pytest.mark.parametrize(
        "origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "http://x@y:z"]
    )
    def test_pages_of_strangers_are_refused(self, client: Client, origin: str) -> None:
        assert client.send("GET", f"{PATH}/all", headers={"origin": origin}).status == 403

    def test_pages_of_the_host_are_not(self, client: Client) -> None:
        origin = "http://{}:{}".format(*client.address)
        with followed(client, f"{PATH}/all", {"origin": origin}) as told:
            assert next(told).kind == "sync"

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_other_methods_are_refused(self, client: Client, method: str) -> None:
        reply = client.send(method, f"{PATH}/all")
        assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS")

    def test_head_and_options_are_answered(self, client: Client) -> None:
        head = client.send("HEAD", f"{PATH}/all")
        assert (head.status, head.body) == (200, b"")
        assert client.send("HEAD", f"{PATH}/private").status == 403
        options = client.send("OPTIONS", f"{PATH}/all")
        assert (options.status, options.header("allow")) == (204, "GET, HEAD, OPTIONS")

    def test_a_client_that_goes_has_left(self, client: Client) -> None:
        group = f"leaving-{new_id()}"
        with followed(client, f"{PATH}/{group}") as told:
            next(told)
        for _ in range(200):  # a host without an event loop learns of it when it next sends
            client.send("POST", f"/stream/{group}/a", json={})
            if group in client.send("GET", "/left").json:
                break
        assert client.send("GET", "/left").json.count(group) == 1
