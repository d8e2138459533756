"""What a handler is given: paths, queries, bodies, headers."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from motia.testing.conformance.adapter_client import Client
from motia.testing.conformance.adapter_steps import BODY_LIMIT

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
ORDER = {"customer": "c1", "items": [{"sku": "a", "quantity": 2}]}


def _shown(kind: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "value": value}


class RequestCases:
    """Cases about reading requests."""

    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            ("/params/7", {"id": "7"}),
            ("/braces/7", {"id": "7"}),
            ("/two/a/x/b", {"a": "a", "b": "b"}),
            ("/params/a%20b", {"id": "a b"}),
            ("/params/a%2Fb", {"id": "a/b"}),
            ("/params/100%25", {"id": "100%"}),
            ("/params/%2541", {"id": "%41"}),
            ("/params/gr%C3%BCn", {"id": "grün"}),
            ("/params/a+b", {"id": "a+b"}),
            ("/params/a;b=c,d", {"id": "a;b=c,d"}),
            ("/caf%C3%A9/x", {"name": "x"}),
            ("/files/a/b%2Fc/d", {"rest": "a/b/c/d"}),
            ("/files/a%0Ab/c%0A", {"rest": "a\nb/c\n"}),
            ("/params/a%0Ab%0A", {"id": "a\nb\n"}),
            ("/files/", {"rest": ""}),
            ("/params/7/a/b", {"id": "7", "more": "a/b"}),
        ],
    )
    def test_path_params_are_decoded(self, client: Client, target: str, expected: Any) -> None:
        assert client.get(target).json == expected

    def test_static_segment_beats_parameter(self, client: Client) -> None:
        assert client.get("/params/static").text == "static"

    def test_parameter_is_never_empty(self, client: Client) -> None:
        assert client.get("/two//x/b").status == 404

    def test_unknown_path_is_the_frameworks_404(self, client: Client) -> None:
        assert client.get("/nowhere").status == 404

    def test_query_has_the_last_value_and_all(self, client: Client) -> None:
        reply = client.get("/query?tag=a&tag=b%20c&tag=d+e&empty=&b=%C3%BC")
        assert reply.json == {"last": {"tag": "d e", "empty": "", "b": "ü"}, "all": ["a", "b c", "d e"]}

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", {"q": None, "page": 1, "tags": []}),
            ("?page=2&q=x", {"q": "x", "page": 2, "tags": []}),
            ("?tags=a", {"q": None, "page": 1, "tags": ["a"]}),
            ("?tags=a&tags=b&page=1&page=3", {"q": None, "page": 3, "tags": ["a", "b"]}),
        ],
    )
    def test_query_is_validated_by_a_model(self, client: Client, query: str, expected: Any) -> None:
        assert client.get(f"/search{query}").json == _shown("Search", expected)

    def test_query_that_does_not_fit_is_400(self, client: Client) -> None:
        reply = client.get("/search?page=two")
        assert (reply.status, reply.error["code"]) == (400, "validation_failed")
        assert [(fault["loc"], fault["type"]) for fault in reply.error["details"]] == [(["page"], "int_parsing")]

    @pytest.mark.parametrize(
        ("target", "sent", "expected"),
        [
            ("/model", ORDER, _shown("Order", ORDER)),
            ("/annotated", ORDER, _shown("Order", ORDER)),
            ("/parameter", ORDER, _shown("Order", ORDER)),
            ("/dataclass", {"x": 1, "y": "2"}, _shown("Point", [1, 2])),
            ("/typeddict", {"name": "n"}, _shown("dict", {"name": "n"})),
            ("/jsonschema", {"name": "n", "tags": []}, _shown("dict", {"name": "n", "tags": []})),
            ("/any", [1, {"a": None}], _shown("list", [1, {"a": None}])),
            ("/any", None, _shown("NoneType", None)),
        ],
    )
    def test_body_is_read_by_its_schema(self, client: Client, target: str, sent: Any, expected: Any) -> None:
        reply = client.send("POST", target, json.dumps(sent).encode(), JSON)
        assert (reply.status, reply.json) == (200, expected)

    @pytest.mark.parametrize(
        ("target", "sent", "where"),
        [
            ("/model", {"customer": 1, "items": []}, ["customer"]),
            ("/model", [], []),
            ("/annotated", {"customer": "c"}, ["items"]),
            ("/parameter", {"customer": "c", "items": [{}]}, ["items", 0, "sku"]),
            ("/dataclass", {"x": "a", "y": 2}, ["x"]),
            ("/typeddict", {}, ["name"]),
            ("/jsonschema", {"name": 1}, ["name"]),
        ],
    )
    def test_body_that_does_not_fit_is_400(self, client: Client, target: str, sent: Any, where: Any) -> None:
        reply = client.send("POST", target, json=sent)
        assert (reply.status, reply.error["code"]) == (400, "validation_failed")
        fault = reply.error["details"][0]
        assert (fault["loc"], fault.keys()) == (where, {"loc", "msg", "type"})

    @pytest.mark.parametrize("target", ["/model", "/jsonschema", "/any"])
    @pytest.mark.parametrize("sent", [b'{"name": ', b"\xff\xfe", b'{"name": "\xff"}', b"{} {}", b"[" * 5000])
    def test_malformed_json_is_400(self, client: Client, target: str, sent: bytes) -> None:
        reply = client.send("POST", target, sent, JSON)
        assert (reply.status, reply.error["code"]) == (400, "malformed_json")

    @pytest.mark.parametrize("target", ["/jsonschema", "/any"])
    @pytest.mark.parametrize(
        ("sent", "said"),
        [(b"[" * 65 + b"]" * 65, "64 levels"), (b"{" + b'"":0,' * 10_000 + b'"":0}', "10000 members")],
    )
    def test_json_of_an_abusive_shape_is_400(self, client: Client, target: str, sent: bytes, said: str) -> None:
        reply = client.send("POST", target, sent, JSON)
        assert reply.status == 400
        assert said in reply.error["message"]

    def test_a_form_has_a_bounded_number_of_fields(self, client: Client) -> None:
        reply = client.send("POST", "/form", b"a&" * 10_001, FORM)
        assert (reply.status, reply.error["code"]) == (400, "too_many_parameters")

    def test_missing_body(self, client: Client) -> None:
        assert client.send("POST", "/any").json == _shown("NoneType", None)
        assert client.send("POST", "/optional").json == _shown("NoneType", None)
        for target in ("/model", "/jsonschema"):
            assert client.send("POST", target, headers=JSON).error["code"] == "validation_failed"

    @pytest.mark.parametrize(
        ("kind", "sent", "expected"),
        [
            ("Application/JSON; charset=utf-8", b"[1]", _shown("list", [1])),
            ("application/problem+json", b"[1]", _shown("list", [1])),
            ("text/plain", "grün".encode(), _shown("str", "grün")),
            ("text/plain; charset=latin-1", b"gr\xfcn", _shown("str", "grün")),
            ("application/octet-stream", b"\x00\xff", _shown("bytes", "00ff")),
            ("application/x-ndjson", b"{}\n{}\n", _shown("bytes", b"{}\n{}\n".hex())),
        ],
    )
    def test_body_is_parsed_by_its_content_type(self, client: Client, kind: str, sent: bytes, expected: Any) -> None:
        assert client.send("POST", "/any", sent, {"content-type": kind}).json == expected

    def test_body_without_content_type_is_json_or_bytes(self, client: Client) -> None:
        assert client.send("POST", "/any", b"[1]").json == _shown("list", [1])
        assert client.send("POST", "/any", b"\xff").json == _shown("bytes", "ff")
        assert client.send("POST", "/model", json.dumps(ORDER).encode()).json == _shown("Order", ORDER)

    def test_text_in_a_wrong_encoding_is_400(self, client: Client) -> None:
        for kind in ("text/plain", "text/plain; charset=no-such"):
            assert client.send("POST", "/any", b"\xff", {"content-type": kind}).error["code"] == "malformed_text"

    def test_form_is_a_mapping(self, client: Client) -> None:
        reply = client.send("POST", "/form", b"name=A+B&tags=%C3%BC&tags=y&empty=", FORM)
        assert reply.json == {"fields": {"name": "A B", "tags": "y", "empty": ""}, "tags": ["ü", "y"]}

    @pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
    def test_form_is_validated_by_a_schema(self, client: Client, kind: str) -> None:
        def send(target: str, *fields: tuple[str, str]) -> Any:
            body, headers = _multipart(*fields) if kind == "multipart" else _urlencoded(*fields)
            return client.send("POST", target, body, headers)

        assert send("/typeddict", ("name", "n")).json == _shown("dict", {"name": "n"})
        assert send("/dataclass", ("x", "1"), ("x", "3"), ("y", "2")).json == _shown("Point", [3, 2])
        expected = _shown("dict", {"name": "n", "tags": ["a"]})
        assert send("/jsonschema", ("name", "n"), ("tags", "a")).json == expected
        reply = send("/dataclass", ("x", "one"), ("y", "2"))
        assert (reply.status, reply.error["details"][0]["loc"]) == (400, ["x"])

    def test_multipart_fields_are_a_mapping(self, client: Client) -> None:
        body, headers = _multipart(("tags", "x"), ("tags", "ü"), file=b"\x00\xff")
        reply = client.send("POST", "/form", body, headers)
        assert reply.json == {"fields": {"tags": "ü"}, "tags": ["x", "ü"]}

    def test_file_of_a_form_is_on_the_native_request(self, client: Client) -> None:
        body, headers = _multipart(("name", "f"), file=b"\x00\xff\r\n")
        for sent in (body, [body[:50], body[50:]]):
            reply = client.send("POST", "/upload", sent, headers)
            assert reply.json == {"fields": {"name": "f"}, "file": b"\x00\xff\r\n".hex()}

    def test_broken_multipart_is_400(self, client: Client) -> None:
        reply = client.send("POST", "/form", b"--x\r\nbroken", {"content-type": "multipart/form-data; boundary=y"})
        assert (reply.status, reply.error["code"]) == (400, "malformed_form")

    @pytest.mark.parametrize("headers", [JSON, FORM, {"content-type": "text/plain"}, {}])
    def test_raw_body_is_what_was_sent(self, client: Client, headers: dict[str, str]) -> None:
        sent = b'{"b":  1, "a": "\\u00fc"}\r\n'
        assert client.send("POST", "/digest", sent, headers).text == hashlib.sha256(sent).hexdigest()

    def test_headers_are_lower_case(self, client: Client) -> None:
        sent = {"X-Custom-Header": "Value", "X-Empty": "", "Cookie": "a=1; b=2"}
        request = client.send("PUT", "/request/7?a=b", b"", sent).json
        assert (request["method"], request["path"], request["native"]) == ("PUT", "/request/7", True)
        assert request["headers"]["x-custom-header"] == "Value"
        assert request["headers"]["cookie"] == "a=1; b=2"
        assert request["headers"]["x-empty"] == ""
        assert request["copied"] == request["headers"], "they can be copied, and answered as they are"

    def test_body_at_the_limit_is_read(self, client: Client) -> None:
        sent = b"x" * BODY_LIMIT
        assert client.send("POST", "/digest", sent).text == hashlib.sha256(sent).hexdigest()
        assert client.send("POST", "/digest", [sent[:-9], sent[-9:]]).text == hashlib.sha256(sent).hexdigest()

    def test_body_over_the_limit_is_refused_before_it_is_sent(self, client: Client) -> None:
        with client.open("POST", "/digest", None, {"content-length": "10000000000"}) as response:
            assert response.status == 413
            assert json.loads(response.read())["error"]["code"] == "body_too_large"

    def test_chunked_body_over_the_limit_is_refused(self, client: Client) -> None:
        assert client.send("POST", "/digest", [b"x" * BODY_LIMIT, b"y"]).status == 413


def _urlencoded(*fields: tuple[str, str]) -> tuple[bytes, dict[str, str]]:
    return "&".join(f"{name}={value}" for name, value in fields).encode(), FORM


def _multipart(*fields: tuple[str, str], file: bytes | None = None) -> tuple[bytes, dict[str, str]]:
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields]
    if file is not None:
        parts.append(b'name="file"; filename="f.bin"\r\nContent-Type: application/octet-stream\r\n\r\n' + file)
    body = b"".join(b"--edge\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    return body + b"--edge--\r\n", {"content-type": "multipart/form-data; boundary=edge"}
