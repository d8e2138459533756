"""How a step runs: streams, traces, conditions, threads, middleware."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from motia.testing.conformance.adapter_client import Client
from motia.testing.conformance.adapter_runs import LIMIT, SLOW
from motia.testing.conformance.adapter_spying import logged_by, noticed_by

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AT_ONCE = 20


def _fresh() -> tuple[str, dict[str, str]]:
    """A new trace id, and the headers that continue it."""
    trace = uuid4().hex
    return trace, {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}


class StreamCases:
    """Cases about answers that are made while they are sent."""

    @pytest.mark.parametrize(
        ("target", "kind", "body"),
        [
            ("/lines", "application/x-ndjson", b'{"line":0}\n{"line":1}\n{"line":2}\n'),
            ("/sync-lines", "application/x-ndjson", b"".join(b'{"sku":"%d","quantity":1}\n' % i for i in range(3))),
            ("/csv", "text/csv", b"a;b\n1;2\n"),
            ("/none", "application/x-ndjson", b""),
        ],
    )
    def test_items_are_lines_or_as_they_are(self, client: Client, target: str, kind: str, body: bytes) -> None:
        reply = client.get(target)
        assert (reply.status, reply.header("content-type"), reply.body) == (200, kind, body)

    @pytest.mark.parametrize("target", ["/events", "/sync-events"])
    def test_events_are_sent_as_they_happen(self, client: Client, target: str) -> None:
        trace, headers = _fresh()
        began = time.monotonic()
        with client.open("GET", target, headers=headers) as response:
            assert response.headers["content-type"] == "text/event-stream"
            assert response.headers["cache-control"] == "no-cache"
            assert [response.readline(), response.readline()] == [
                b'data: {"event":0,"trace":"%s"}\n' % trace.encode(), b"\n"
            ]  # fmt: skip
            assert time.monotonic() - began < SLOW * 4, "the first event came with the second"
            assert response.read() == b'data: {"sku":"late","quantity":1}\n\n: comment\n\n'
        assert noticed_by(client, f"stream-{trace}") == trace, "it does not run inside its trace"

    @pytest.mark.parametrize("flavour", ["broken", "sync-broken"])
    def test_error_before_the_first_item_is_an_answer(self, client: Client, flavour: str) -> None:
        reply = client.get(f"/{flavour}/0")
        assert (reply.status, reply.error["message"]) == (409, "too late to say so")

    @pytest.mark.parametrize("flavour", ["broken", "sync-broken"])
    def test_error_midway_cuts_the_connection(self, client: Client, flavour: str) -> None:
        trace, headers = _fresh()
        with client.open("GET", f"/{flavour}/2", headers=headers) as response:
            assert response.status == 200
            with pytest.raises(Exception, match=r"IncompleteRead|Connection"):
                response.read()
        assert "failed while its answer was being sent" in logged_by(client, trace)[0]["message"]

    @pytest.mark.parametrize("flavour", ["async", "def"])
    def test_generator_is_closed_when_the_client_leaves(self, client: Client, flavour: str) -> None:
        run = uuid4().hex
        with client.open("GET", f"/endless/{flavour}/{run}") as response:
            assert response.readline() == b"tick\n"
        made = noticed_by(client, run)
        assert made is not None, "the generator goes on without anybody listening"
        assert made < LIMIT - 1


class RunCases:
    """Cases about the run around a handler."""

    @pytest.mark.parametrize("target", ["/traced", "/sync-traced"])
    def test_trace_is_continued(self, client: Client, target: str) -> None:
        label, trace = uuid4().hex, PARENT.split("-")[1]
        reply = client.send("POST", target, json={"label": label}, headers={"traceparent": PARENT})
        assert reply.json["trace_id"] == trace
        assert noticed_by(client, label) == trace

    @pytest.mark.parametrize("header", ["", "garbage", PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)])
    def test_trace_is_fresh_without_one(self, client: Client, header: str) -> None:
        labels = [uuid4().hex, uuid4().hex]
        first, second = (
            client.send("POST", "/traced", json={"label": label}, headers={"traceparent": header}).json["trace_id"]
            for label in labels
        )
        assert len({first, second, PARENT.split("-")[1]}) == 3
        assert noticed_by(client, labels[0]) == first

    def test_errors_tell_the_requests_trace(self, client: Client) -> None:
        for target in ("/error/plain", "/error/unexpected", "/search?page=x", "/conditional"):
            assert client.get(target, {"traceparent": PARENT}).error["trace_id"] == PARENT.split("-")[1]

    @pytest.mark.parametrize("target", ["/traced", "/sync-traced"])
    def test_trigger_tells_the_route(self, client: Client, target: str) -> None:
        told = client.send("POST", target, json={"label": "x"}).json
        assert told["is_http"] is True
        trigger = {name: value for name, value in told["trigger"].items() if value is not None}
        assert trigger == {"type": "http", "index": 0, "method": "POST", "path": target, "missed": 0}

    @pytest.mark.parametrize("target", ["/conditional", "/sync-conditional"])
    def test_unmet_condition_is_422(self, client: Client, target: str) -> None:
        reply = client.get(target)
        assert (reply.status, reply.error["code"], reply.json["skipped"]) == (422, "condition_not_met", True)
        assert client.get(target, {"x-wanted": "1"}).text == "ran"

    @pytest.mark.parametrize("mix", [one + two + three for one in "AS" for two in "AS" for three in "AS"])
    def test_middleware_runs_around_the_handler(self, client: Client, mix: str) -> None:
        reply = client.get(f"/layers/{mix}")
        assert reply.json == {"trail": ["outer", "inner"]}
        assert reply.header("x-layers") == "inner outer"

    @pytest.mark.parametrize("mix", ["AAA", "SSS", "ASA", "SAS"])
    def test_middleware_may_answer_early(self, client: Client, mix: str) -> None:
        inner, outer = client.get(f"/layers/{mix}?stop=inner"), client.get(f"/layers/{mix}?stop=outer")
        assert (inner.status, inner.json, inner.header("x-layers")) == (403, {"stopped": "inner"}, "outer")
        assert (outer.status, outer.json, outer.header("x-layers")) == (403, {"stopped": "outer"}, None)

    @pytest.mark.parametrize("target", ["/slow", "/slow-layered", "/slow-async"])
    def test_handlers_run_side_by_side(self, client: Client, target: str) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE * 2) as pool:
            replies = list(pool.map(client.get, [target] * AT_ONCE * 2))
        assert {reply.status for reply in replies} == {200}
        assert time.monotonic() - began < AT_ONCE * SLOW, "they ran one after the other"
