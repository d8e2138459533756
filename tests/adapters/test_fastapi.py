"""The suite of adapters on FastAPI, with both http implementations of uvicorn, and on plain Starlette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from motia.integrations.fastapi import mount
from motia.testing.conformance import AdapterConformance, Client, EventCases, conformance_app
from tests.adapters.serving import served

HOSTS: dict[str, tuple[Callable[[], Starlette], str]] = {
    "fastapi": (FastAPI, "httptools"),
    "fastapi-h11": (FastAPI, "h11"),
    "starlette": (Starlette, "httptools"),
}


async def _upload(request: Any) -> bytes:
    content: bytes = await (await request.form())["file"].read()
    return content


@pytest.fixture(scope="module", params=HOSTS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    make_app, http = HOSTS[request.param]
    app = make_app()
    mount(app, conformance_app(_upload), worker=True)
    with served(app, http=http) as address:
        yield Client(address)


class TestFastAPI(AdapterConformance):
    pass


class TestStreams(EventCases):
    pass
