"""The suite of adapters on Django, under WSGI and under ASGI."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from motia import Stream
from motia.integrations.django import inprocess
from motia.integrations.django.asgi import with_motia
from motia.testing.conformance.adapters import AdapterConformance, Client, EventCases, conformance_app
from tests.adapters.serving import served, served_wsgi
from tests.django_site import ready

ready()
pytestmark = pytest.mark.filterwarnings(
    # Django's ASGI handler does not close what held the body of a request whose answer breaks off.
    "ignore:Exception ignored in. <function SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)


async def _upload(request: Any) -> bytes:
    content: bytes = request.FILES["file"].read()
    return content


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    app = conformance_app(_upload)
    motia = {
        "URL": "memory:",
        "STEPS": app.steps,
        "BODY_LIMIT": app.settings.body_limit,
        "THREADS": app.settings.threads,
        "WORKER": True,
        "AUTHENTICATE": app._authenticate,
    }
    with override_settings(MOTIA=motia):
        serving = (
            served_wsgi(get_wsgi_application())
            if request.param == "wsgi"
            else served(with_motia(get_asgi_application()))
        )
        with serving as address:
            yield Client(address)
        inprocess.stop()
        gc.collect()  # what the handler has left open is complained of here, where it is expected


class TestDjango(AdapterConformance):
    pass


class TestStreams(EventCases):
    pass


async def test_the_socket_sees_the_user_of_the_session() -> None:
    seen: list[Any] = []

    def authenticate(request: Any) -> Any:
        seen.append((request.native.path, request.native.user.is_authenticated, request.native.session.session_key))
        return None

    app = conformance_app(_upload)
    with override_settings(MOTIA={"URL": "memory:", "STEPS": app.steps, "WORKER": True, "AUTHENTICATE": authenticate}):
        Stream("django.sockets")
        with served(with_motia(get_asgi_application())) as (host, port):
            async with connect(f"ws://{host}:{port}/__motia/streams") as socket:
                wish = {"streamName": "django.sockets", "groupId": "g", "subscriptionId": "1"}
                await socket.send(json.dumps({"type": "join", "data": wish}))
                assert json.loads(await socket.recv())["event"] == {"type": "sync", "data": []}
            with pytest.raises(InvalidStatus):
                async with connect(f"ws://{host}:{port}/__motia/streams", origin="http://evil.example"):
                    pass
        inprocess.stop()
    assert seen == [("/__motia/streams", False, None)]
