"""The stream socket on real servers: both WebSocket implementations of uvicorn, FastAPI, Starlette and plain ASGI."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from motia import ApiRequest, HttpError, Motia, MotiaSettings, Stream, http, step
from motia.integrations.fastapi import mount
from motia.testing.conformance.adapters import Client
from motia.web import streaming
from motia.web.builtin import BuiltInApp
from motia.web.sockets import BURST, MAX_FRAME, MAX_SUBSCRIPTIONS
from tests.adapters.serving import served

PATH = "/__motia/streams"
left: list[Any] = []
Gate = Callable[[Any, Any], Any]


def _can_access(subscription: Any, context: Any) -> bool:
    if subscription.group_id == "broken":
        raise ZeroDivisionError
    return subscription.group_id != "private" or context["name"] == "owner"


async def _on_join(subscription: Any, context: Any) -> Any:
    return False if subscription.id == "refused" else None


def _on_leave(subscription: Any, context: Any) -> None:
    left.append((subscription.group_id, subscription.subscriptionId))


sockets = Stream("sockets", can_access=_can_access, on_join=_on_join, on_leave=_on_leave)


async def _authenticate(request: Any) -> Any:
    token = request.headers.get("sec-websocket-protocol", "").partition(", ")[2] or request.query_params.get("token")
    if token == "wrong":
        raise ValueError("not a token")
    if token == "tired":
        raise HttpError(429)
    assert request.addr == "127.0.0.1"
    assert request.path == PATH
    return {"name": token}


@step(triggers=[http("POST", "/set/:group/:id")])
async def put(req: ApiRequest[Any]) -> None:
    await sockets.set(req.path_params["group"], req.path_params["id"], req.body)


@step(triggers=[http("POST", "/burst/:group/:count")])
async def burst(req: ApiRequest[Any]) -> None:
    for number in range(int(req.path_params["count"])):
        await sockets.set(req.path_params["group"], "a", {"n": number, "text": "x" * 8000})
        if number % 10 == 0:
            await anyio.sleep(0.005)


@step(triggers=[http("DELETE", "/set/:group/:id")])
def remove(req: ApiRequest[Any]) -> None:
    sockets.delete(req.path_params["group"], req.path_params["id"])


@step(triggers=[http("POST", "/send/:group")])
def send(req: ApiRequest[Any]) -> None:
    sockets.send(req.path_params["group"], req.body, id=req.query_params.get("id"))


def _app() -> Motia:
    settings = MotiaSettings(allowed_origins=("https://partner.example",))
    return Motia("memory:", steps=[put, burst, remove, send], authenticate=_authenticate, settings=settings)


def _plain() -> Any:
    inner = Starlette()
    motia = _app()
    mount(inner, motia)
    inner.router.routes[:] = [route for route in inner.router.routes if not getattr(route, "path", "").startswith(PATH)]
    outer = BuiltInApp(motia, rest=inner)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (inner if scope["type"] == "lifespan" else outer)(scope, receive, send)

    return app


def _mounted(kind: type[Starlette]) -> Any:
    app = kind()
    mount(app, _app())
    return app


HOSTS: dict[str, tuple[Callable[[], Any], str]] = {
    "fastapi": (lambda: _mounted(FastAPI), "websockets-sansio"),
    "starlette": (lambda: _mounted(Starlette), "wsproto"),
    "asgi": (_plain, "websockets-sansio"),
}


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[Client]:
    make_app, implementation = HOSTS[request.param]
    with served(make_app(), ws=implementation) as address:
        yield Client(address)


class Talk:
    """A client that says what it wants, and sees every frame."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def join(self, group: str, id: str | None = None, name: str = "s1", stream: str = "sockets") -> None:
        data = {"streamName": stream, "groupId": group, "subscriptionId": name, **({"id": id} if id else {})}
        await self.say({"type": "join", "data": data})

    async def leave(self, group: str, id: str | None = None, name: str = "s1") -> None:
        await self.say(
            {"type": "leave", "data": {"streamName": "sockets", "groupId": group, "id": id, "subscriptionId": name}}
        )

    async def say(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def hear(self) -> Any:
        with anyio.fail_after(10):
            return json.loads(await self.connection.recv())

    async def closed(self) -> int:
        """Read to the end; the close code."""
        with anyio.fail_after(20):
            with pytest.raises(ConnectionClosed) as end:
                while True:
                    await self.connection.recv()
        assert end.value.rcvd is not None
        return end.value.rcvd.code


@asynccontextmanager
async def talk(host: Client, query: str = "", **options: Any) -> AsyncIterator[Talk]:
    url = "ws://{}:{}{}{}".format(*host.address, PATH, query)
    async with connect(url, **options) as connection:
        yield Talk(connection)


async def said(host: Client, method: str, target: str, body: Any = None) -> None:
    reply = await anyio.to_thread.run_sync(lambda: host.send(method, target, json=body))
    assert reply.status == 204, reply.text


async def test_a_group_is_told_of_everything_in_order(host: Client) -> None:
    await said(host, "POST", "/set/all/a", {"n": 1})
    async with talk(host) as client:
        await client.join("all")
        sync = await client.hear()
        assert sync["event"] == {"type": "sync", "data": [{"n": 1, "id": "a"}]}
        assert (sync["type"], sync["streamName"], sync["groupId"], sync["id"]) == ("stream", "sockets", "all", None)
        await said(host, "POST", "/set/all/b", {"n": 2})
        await said(host, "POST", "/set/all/a", {"n": 3})
        await said(host, "POST", "/set/elsewhere/a", {"n": 9})
        await said(host, "POST", "/send/all", {"type": "typing", "data": {"who": 1}})
        await said(host, "DELETE", "/set/all/a")
        frames = [await client.hear() for _ in range(4)]
        assert [(frame["event"]["type"], frame["id"]) for frame in frames] == [
            ("create", "b"), ("update", "a"), ("event", None), ("delete", "a"),
        ]  # fmt: skip
        assert frames[2]["event"]["event"] == {"type": "typing", "data": {"who": 1}}
        assert frames[3]["event"]["data"] == {"n": 3, "id": "a"}
        stamps = [frame["timestamp"] for frame in (sync, *frames)]
        assert stamps == sorted(set(stamps))


async def test_one_frame_for_an_item_and_its_group(host: Client) -> None:
    async with talk(host) as client:
        await client.join("both", name="g")
        await client.join("both", "a", name="i")
        assert [(await client.hear())["event"]["data"] for _ in range(2)] == [[], None]
        await said(host, "POST", "/set/both/a", {"n": 1})
        await said(host, "POST", "/send/both?id=a", {"type": "seen", "data": 1})
        await said(host, "POST", "/set/both/b", {"n": 2})
        frames = [await client.hear() for _ in range(3)]
        assert [(frame["event"]["type"], frame["id"]) for frame in frames] == [
            ("create", "a"), ("event", "a"), ("create", "b"),
        ]  # fmt: skip


async def test_who_leaves_hears_no_more(host: Client) -> None:
    async with talk(host) as client:
        await client.join("leave", name="g")
        await client.join("leave", "a", name="i1")
        await client.join("leave", "a", name="i2")
        for _ in range(3):
            await client.hear()
        await client.leave("leave", name="g")
        await client.leave("leave", "a", name="i1")
        await client.leave("leave", "a", name="unknown")
        await client.join("elsewhere", name="e")
        assert (await client.hear())["groupId"] == "elsewhere"  # so the leaves have been read
        await said(host, "POST", "/set/leave/b", {})
        await said(host, "POST", "/set/leave/a", {"n": 1})
        assert (await client.hear())["id"] == "a"
        await client.leave("leave", "a", name="i2")
        await said(host, "POST", "/set/leave/a", {"n": 2})
        await said(host, "POST", "/set/elsewhere/x", {"n": 3})
        assert (await client.hear())["groupId"] == "elsewhere"
    await _until(lambda: sorted(left)[-1:] and ("elsewhere", "e") in left)
    assert [name for group, name in left if group == "leave"][-3:] == ["g", "i1", "i2"]


async def _until(condition: Callable[[], Any]) -> None:
    with anyio.fail_after(10):
        while not condition():  # the server is another thread
            await anyio.sleep(0.01)


@pytest.mark.parametrize(
    ("group", "id", "stream", "code"),
    [
        ("private", None, "sockets", "STREAM_ACCESS_DENIED"),
        ("broken", None, "sockets", "STREAM_ACCESS_DENIED"),
        ("all", "refused", "sockets", "STREAM_ACCESS_DENIED"),
        ("all", None, "undeclared", "STREAM_NOT_FOUND"),
    ],
)
async def test_a_refused_join_is_an_error_event(
    host: Client, group: str, id: str | None, stream: str, code: str
) -> None:
    async with talk(host) as client:
        await client.join(group, id, stream=stream)
        frame = await client.hear()
        assert frame["event"]["type"] == "event"
        assert frame["event"]["event"]["type"] == "error"
        assert frame["event"]["event"]["data"]["code"] == code
        assert (frame["groupId"], frame["id"]) == (group, id)
        await said(host, "POST", f"/set/{group}/x", {})
        await client.join("next", name="n")
        assert (await client.hear())["groupId"] == "next"


async def test_a_token_comes_as_a_sub_protocol(host: Client) -> None:
    async with talk(host, subprotocols=["Authorization", "owner"]) as client:
        assert client.connection.subprotocol == "Authorization"
        await client.join("private")
        assert (await client.hear())["event"]["type"] == "sync"
    async with talk(host, "?token=owner") as client:
        assert client.connection.subprotocol is None


@pytest.mark.parametrize(("token", "status"), [("wrong", 401), ("tired", 429)])
async def test_who_is_refused_is_never_let_in(host: Client, token: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with talk(host, f"?token={token}"):
            pass
    assert refused.value.response.status_code in {status, 403}


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://partner.example.evil.example", "https://partner.example:444"]
)
async def test_pages_of_strangers_are_refused(host: Client, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with talk(host, origin=origin):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", [None, "https://partner.example", "http://{}:{}"])
async def test_pages_of_friends_are_not(host: Client, origin: str | None) -> None:
    async with talk(host, origin=origin.format(*host.address) if origin else None) as client:
        await client.join("all")
        assert (await client.hear())["event"]["type"] == "sync"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 1007),
        ("[1]", 1008),
        (b"\xff\xfe", 1007),
        ('{"type":"join"}', 1008),
        ('{"type":"join","data":{"streamName":"sockets","groupId":""}}', 1008),
        ('{"type":"join","data":{"streamName":"sockets","groupId":{"$ne":1}}}', 1008),
        ('{"type":"join","data":{"streamName":"../x","groupId":"g"}}', 1008),
        ('{"type":"join","data":{"streamName":"sockets","groupId":"g","id":7}}', 1008),
        ('{"type":"join","data":{"streamName":"sockets","groupId":"g","subscriptionId":7}}', 1008),
        ("[" * 10_000, 1007),
        ("x" * (MAX_FRAME + 1), 1009),
        ("x" * 1_000_000, 1009),
    ],
)
async def test_broken_frames_close_the_connection(host: Client, frame: str | bytes, code: int) -> None:
    async with talk(host) as other, talk(host) as client:
        await other.join("all")
        await other.hear()
        await client.say(frame)
        assert await client.closed() == code
        await said(host, "POST", "/set/all/z", {"n": 1})
        assert (await other.hear())["id"] == "z"


async def test_unknown_messages_mean_nothing(host: Client) -> None:
    async with talk(host) as client:
        await client.say({"type": "subscribe", "data": {}})
        await client.join("all")
        await client.join("all")
        assert (await client.hear())["event"]["type"] == "sync"


async def test_a_flood_of_joins_is_stopped(host: Client) -> None:
    async with talk(host) as client:
        for number in range(MAX_SUBSCRIPTIONS + 1):
            await client.join("flood", f"i{number}", name=f"s{number}")
        frames = [await client.hear() for _ in range(MAX_SUBSCRIPTIONS + 1)]
        assert frames[-1]["event"]["event"]["data"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
        assert all(frame["event"]["type"] == "sync" for frame in frames[:-1])
        for number in range(int(BURST)):
            try:
                await client.join("flood", f"i{number}", name=f"more{number}")
            except ConnectionClosed:
                break
        assert await client.closed() in {1008, 1013}


async def test_who_does_not_read_is_closed_and_nobody_else_waits(host: Client) -> None:
    with socket.create_connection(host.address) as stopped:
        _handshake(stopped, host)
        async with talk(host) as client:
            await client.join("slow")
            await client.hear()
            count = 2000  # 16 MB, of which the kernel takes some
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(said, host, "POST", f"/burst/slow/{count}")
                while (await client.hear())["event"]["data"]["n"] < count - 1:
                    pass
        await anyio.to_thread.run_sync(lambda: _drained(stopped))


@pytest.mark.parametrize("kind", HOSTS)
async def test_a_client_that_vanished_without_a_goodbye_is_noticed(kind: str) -> None:
    """Its connection is open as far as the server can see, and its pings are never answered."""
    make_app, implementation = HOSTS[kind]
    left.clear()
    with (
        served(make_app(), ws=implementation, ws_ping_interval=0.1, ws_ping_timeout=0.1) as address,
        socket.create_connection(address) as vanished,
    ):
        _handshake(vanished, Client(address))
        with anyio.fail_after(10):
            while ("slow", "x") not in left:
                await anyio.sleep(0.02)


@pytest.mark.parametrize("kind", HOSTS)
async def test_a_client_that_takes_nothing_is_given_up_where_no_server_pings(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line is full, with far less waiting than a slow client may have; nothing but the sign of life finds it."""
    monkeypatch.setattr(streaming, "HEARTBEAT_INTERVAL", 0.2)
    monkeypatch.setattr(streaming, "CLOSE_TIMEOUT", 0.2)
    make_app, implementation = HOSTS[kind]
    left.clear()
    with (
        served(make_app(), ws=implementation, ws_ping_interval=None, send_buffer=4096) as address,
        socket.socket() as vanished,
    ):
        vanished.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        vanished.connect(address)
        _handshake(vanished, Client(address))
        await said(Client(address), "POST", "/burst/slow/40")
        await _until(lambda: ("slow", "x") in left)


def _handshake(raw: socket.socket, host: Client) -> None:
    lines = [
        f"GET {PATH} HTTP/1.1", "Host: {}:{}".format(*host.address), "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
    ]  # fmt: skip
    raw.sendall("\r\n".join(lines).encode())
    assert b"101" in raw.recv(4096)
    join = {"type": "join", "data": {"streamName": "sockets", "groupId": "slow", "subscriptionId": "x"}}
    raw.sendall(Frame(Opcode.TEXT, json.dumps(join).encode()).serialize(mask=True))


def _drained(raw: socket.socket) -> None:
    """Read what was under way; then the server has hung up, long before it has sent everything."""
    raw.settimeout(10)
    total = 0
    tail = b""
    while chunk := raw.recv(65_536):
        total += len(chunk)
        tail = (tail + chunk)[-200:]
        if (1013).to_bytes(2, "big") + b"the client" in tail:
            break
    else:
        pytest.fail("the server did not say why it hung up")
    assert total < 12_000_000


async def test_a_client_without_a_word_costs_nothing(host: Client) -> None:
    async with talk(host) as client:
        with anyio.move_on_after(0.2):
            await client.connection.recv()
            pytest.fail("nothing was asked, so nothing is sent")
