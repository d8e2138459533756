"""Whatever a step puts into headers, in every framework: an answer has those headers, or is a 500 without them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motia import ApiResponse, HttpError, Motia, http, step
from motia.testing.conformance.adapter_client import Client
from tests.workbench.hosts import HOSTS

planted: dict[str, Any] = {}
ODD = "ab-:;, \t\r\n\0\x0b\x0c\x1c\x7f\x80\x85\xa0\xe9\xff\u0100\u010a\u010d\u2028\U0001f4a5"
TEXTS = st.lists(st.sampled_from([*ODD, "\r\n", "\r\n\r\n", "injected: 1", "set-cookie: a=b"]), max_size=6).map("".join)


@step(triggers=[http("GET", "/planted")])
async def answer() -> Any:
    return ApiResponse(200, "fine", planted)


@step(triggers=[http("GET", "/raised")])
def raised() -> Any:
    raise HttpError(409, "no", headers=planted)


@pytest.fixture(scope="module", params=HOSTS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    motia = Motia("memory:", steps=[answer, raised]).with_settings(env="production")
    with HOSTS[request.param](motia, False, "") as address:
        yield Client(address)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(name=st.one_of(st.just("x-planted"), TEXTS), value=st.one_of(TEXTS, st.lists(TEXTS, max_size=2)))
def test_no_header_becomes_two(client: Client, name: str, value: Any) -> None:
    planted.clear()
    plain = {path: client.get(path) for path in ("/planted", "/raised")}
    planted[name] = value
    for path, usual in plain.items():
        reply = client.get(path)
        assert reply.status in {usual.status, 500}
        more = {key for key, _ in reply.headers} - {key for key, _ in usual.headers}
        assert more <= ({name.lower()} if reply.status == usual.status else {"content-type"})
        if reply.status == usual.status == 200:
            assert reply.body == b"fine"
