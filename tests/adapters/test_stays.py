"""Clients are closed when their session expires or they are disconnected: WebSocket and events, from any process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from flask import Flask
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from motia import Motia, Stream
from motia.integrations.fastapi import mount
from motia.integrations.flask import mount as mount_flask
from motia.testing.conformance.adapters import Client
from tests.adapters.serving import served, served_wsgi

PATH = "/__motia/streams"
BACKENDS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql", "redis"))]
DISCONNECT = """
import asyncio, sys
from motia import Motia, Stream

async def main():
    async with Motia(sys.argv[1]) as motia:
        await motia.streams.disconnect(user=sys.argv[2])

asyncio.run(main())
"""
left: list[Any] = []
Stream("stays", on_leave=lambda subscription, context: left.append(context["user"]))


def _authenticate(request: Any) -> Any:
    end = request.query_params.get("end")
    return {"user": request.query_params["user"], "expires_at": float(end) if end else None}


def _unreadable(request: Any) -> Any:
    return {"user": "ada", "expires_at": "tomorrow"}


@contextmanager
def _served(url: str, authenticate: Any = _authenticate, **options: Any) -> Iterator[Client]:
    app = FastAPI()
    mount(app, Motia(url, authenticate=authenticate), worker=False)
    with served(app, **options) as address:
        yield Client(address)


async def _joined(client: Client, query: str) -> Any:
    connection = await connect("ws://{}:{}{}?{}".format(*client.address, PATH, query))
    data = {"streamName": "stays", "groupId": "g", "subscriptionId": "1"}
    await connection.send(json.dumps({"type": "join", "data": data}))
    assert json.loads(await connection.recv())["event"]["type"] == "sync"
    return connection


async def _closed(connection: Any) -> tuple[int, str]:
    with anyio.fail_after(20):
        with pytest.raises(ConnectionClosed) as end:
            await connection.recv()
    assert end.value.rcvd is not None
    return end.value.rcvd.code, end.value.rcvd.reason


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_another_process_disconnects_a_user(place: str) -> None:
    left.clear()
    with _served(place) as client:
        ada, bob = await _joined(client, "user=ada"), await _joined(client, "user=bob")
        with client.open("GET", f"{PATH}/stays/g?user=ada") as events:
            assert b"retry" in events.readline()
            command = [sys.executable, "-c", DISCONNECT, place, "ada"]
            await anyio.to_thread.run_sync(lambda: subprocess.run(command, check=True))
            assert await _closed(ada) == (1008, "disconnected")
            rest = await anyio.to_thread.run_sync(events.read)
        assert b"event: sync" in rest, "the stream has ended by itself"
        await bob.ping()
        assert sorted(left) == ["ada", "ada"]
        await bob.close()


@pytest.mark.parametrize("implementation", ["websockets-sansio", "wsproto"])
async def test_a_session_that_expires_ends_its_connection(implementation: str) -> None:
    with _served("memory:", ws=implementation) as client:
        ada = await _joined(client, f"user=ada&end={time.time() + 0.5}")
        bob = await _joined(client, f"user=bob&end={time.time() + 3600}")
        assert await _closed(ada) == (1008, "the session has expired")
        await bob.ping()
        await bob.close()


def test_a_session_that_expires_ends_its_events() -> None:
    with _served("memory:") as client:
        with client.open("GET", f"{PATH}/stays/g?user=ada&end={time.time() + 0.5}") as events:
            assert b"event: sync" in events.read()
        assert client.send("GET", f"{PATH}/stays/g?user=ada&end={time.time() - 1}").status == 401


def test_events_of_a_host_without_an_event_loop_end_as_well() -> None:
    app = Flask(__name__)
    motia = Motia("memory:", authenticate=_authenticate)
    mount_flask(app, motia, worker=False)

    @app.post("/logout/<user>")
    def logout(user: str) -> str:
        Stream.disconnect(user=user)
        return ""

    with served_wsgi(app) as address:
        client = Client(address)
        with client.open("GET", f"{PATH}/stays/g?user=ada") as events:
            assert b"retry" in events.readline()
            assert client.send("POST", "/logout/ada").status == 200
            assert b"event: sync" in events.read()
        app.extensions["motia"].hosted.close()


async def test_an_end_that_cannot_be_read_refuses() -> None:
    with _served("memory:", _unreadable) as client:
        with pytest.raises(InvalidStatus) as refused:
            await connect("ws://{}:{}{}".format(*client.address, PATH))
        assert refused.value.response.status_code == 401
        assert client.send("GET", f"{PATH}/stays/g").status == 401


async def test_a_session_that_has_expired_is_refused() -> None:
    with _served("memory:") as client:
        with pytest.raises(InvalidStatus) as refused:
            await connect("ws://{}:{}{}?user=ada&end=1".format(*client.address, PATH))
        assert refused.value.response.status_code == 401
