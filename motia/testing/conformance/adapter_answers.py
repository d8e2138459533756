"""What the client is given: results of every shape, errors, methods."""

from __future__ import annotations

import re
from typing import Any

import pytest

from motia.testing.conformance.adapter_client import Client
from motia.testing.conformance.adapter_results import BAD_RESULTS
from motia.testing.conformance.adapter_spying import logged_by

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
TRACE = re.compile(r"[0-9a-f]{32}")


class AnswerCases:
    """Cases about answering."""

    @pytest.mark.parametrize("flavour", ["result", "sync-result"])
    @pytest.mark.parametrize(
        ("kind", "status", "content_type", "body"),
        [
            ("response", 201, JSON, b'{"a":1}'),
            ("status", 202, JSON, b'{"a":1}'),
            ("status-code", 203, JSON, b"[1]"),
            ("camel", 418, TEXT, b"teapot"),
            ("status-alone", 204, None, b""),
            ("status-and-more", 201, JSON, b'{"a":1}'),
            ("error", 404, JSON, b'{"error":"no such order"}'),
            ("domain", 200, JSON, b'{"status":"paid","total":3}'),
            ("domain-number", 200, JSON, b'{"status":7,"name":"x"}'),
            ("domain-text", 200, JSON, b'{"status":7,"body":"x","id":1}'),
            ("dict", 200, JSON, b'{"a":1}'),
            ("list", 200, JSON, b"[1,2]"),
            ("model", 200, JSON, b'{"sku":"a","quantity":1}'),
            ("str", 200, TEXT, "grün".encode()),
            ("html", 200, "text/html", b"<p>"),
            ("bytes", 200, "application/octet-stream", b"\x00\xff"),
            ("none", 204, None, b""),
            ("empty", 404, None, b""),
            ("zero", 200, JSON, b"0"),
            ("falsy", 200, JSON, b"{}"),
            ("nan", 200, JSON, b'{"a":null,"b":[null]}'),
            ("rich", 200, JSON, b'["2030-01-02T00:00:00Z","00000000-0000-0000-0000-000000000001","1.50"]'),
            ("own-business", 200, TEXT, b"abc"),
            ("bodiless", 204, None, b""),
        ],
    )
    def test_result_becomes_an_answer(
        self, client: Client, flavour: str, kind: str, status: int, content_type: str | None, body: bytes
    ) -> None:
        reply = client.get(f"/{flavour}/{kind}")
        assert (reply.status, reply.header("content-type"), reply.body) == (status, content_type, body)
        assert reply.header("content-length") == (None if status == 204 else str(len(body)))

    def test_headers_are_sent(self, client: Client) -> None:
        assert client.get("/result/response").header("x-kind") == "response"
        assert client.get("/result/status").header("x-kind") == "status"

    def test_set_cookie_may_come_several_times(self, client: Client) -> None:
        assert client.get("/result/cookies").all("set-cookie") == ["a=1; Path=/", "b=2"]

    @pytest.mark.parametrize("flavour", ["result", "sync-result"])
    @pytest.mark.parametrize("kind", BAD_RESULTS)
    def test_nonsense_is_500_and_logged(self, client: Client, flavour: str, kind: str) -> None:
        reply = client.get(f"/{flavour}/{kind}")
        assert (reply.status, reply.error["message"]) == (500, "internal server error")
        assert reply.header("set-cookie") is None
        (logged,) = logged_by(client, reply.error["trace_id"])
        assert f"step 'GET /{flavour}/:kind'" in logged["message"]
        assert BAD_RESULTS[kind][1] in logged["message"]

    @pytest.mark.parametrize(
        ("kind", "status", "body"),
        [
            ("model", 201, {"orderId": "1", "total": 2}),
            ("dict", 201, {"orderId": "1", "total": 2}),
            ("nan", 201, {"orderId": "1", "total": None}),
            ("other-status", 200, {"free": True}),
        ],
    )
    def test_answer_is_validated_and_serialised(self, client: Client, kind: str, status: int, body: Any) -> None:
        reply = client.get(f"/validated/{kind}")
        assert (reply.status, reply.header("content-type"), reply.json) == (status, JSON, body)

    def test_answer_that_does_not_fit_is_500(self, client: Client) -> None:
        reply = client.get("/validated/wrong")
        assert reply.status == 500
        (logged,) = logged_by(client, reply.error["trace_id"])
        assert "response_schema" in logged["message"]
        assert "total" in logged["message"]


class ErrorCases:
    """Cases about errors and methods."""

    @pytest.mark.parametrize("flavour", ["error", "sync-error"])
    @pytest.mark.parametrize(
        ("kind", "status", "code", "message"),
        [
            ("plain", 404, "not_found", "no such order"),
            ("bare", 409, "conflict", "Conflict"),
            ("unnamed", 499, "http_499", "left"),
            ("unexpected", 500, "internal_error", "internal server error"),
            ("injection", 500, "internal_error", "internal server error"),
            ("unavailable", 503, "service_unavailable", "the service is unavailable for the moment; try again"),
            ("storage", 503, "service_unavailable", "the service is unavailable for the moment; try again"),
        ],
    )
    def test_exception_becomes_an_answer(
        self, client: Client, flavour: str, kind: str, status: int, code: str, message: str
    ) -> None:
        reply = client.get(f"/{flavour}/{kind}")
        assert (reply.status, reply.error["code"], reply.error["message"]) == (status, code, message)
        assert TRACE.fullmatch(reply.error["trace_id"])
        assert reply.header("set-cookie") is None

    def test_error_has_details_and_headers(self, client: Client) -> None:
        reply = client.get("/error/full")
        assert (reply.status, reply.error["code"], reply.header("retry-after")) == (429, "too_fast", "7")
        assert reply.error["details"] == {"seconds": None, "at": "00000000-0000-0000-0000-000000000001"}

    def test_unexpected_error_is_logged_and_not_shown(self, client: Client) -> None:
        reply = client.get("/error/unexpected")
        assert b"hunter2" not in reply.body
        (logged,) = logged_by(client, reply.error["trace_id"])
        assert "hunter2" in logged["error"]

    def test_backends_failure_is_not_shown(self, client: Client) -> None:
        reply = client.get("/error/unavailable")
        assert b"10.0.0.7" not in reply.body
        assert reply.header("retry-after") == "5"

    def test_head_is_get_without_a_body(self, client: Client) -> None:
        for target in ("/methods", "/result/str", "/lines", "/error/plain", "/result/none"):
            get, head = client.get(target), client.send("HEAD", target)
            assert (head.status, head.body) == (get.status, b"")
            assert head.header("content-type") == get.header("content-type")
            assert head.header("content-length") == get.header("content-length")

    def test_options_and_405_name_the_same_methods(self, client: Client) -> None:
        options = client.send("OPTIONS", "/methods")
        assert (options.status, options.body) == (204, b"")
        assert options.header("allow") == "GET, HEAD, OPTIONS, PUT"
        for method in ("DELETE", "POST", "PATCH", "TRACE", "PROPFIND"):
            refused = client.send(method, "/methods")
            assert (refused.status, refused.error["code"]) == (405, "method_not_allowed")
            assert refused.header("allow") == options.header("allow")

    def test_options_without_get_has_no_head(self, client: Client) -> None:
        assert client.send("OPTIONS", "/any").header("allow") == "OPTIONS, POST"
        assert client.send("HEAD", "/any").status == 405
