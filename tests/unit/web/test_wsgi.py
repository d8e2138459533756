"""What WSGI says of a request, and what it does not."""

from __future__ import annotations

import io
from typing import Any

import pytest

from motia.web.wsgi import BodyTooLarge, Bounded, EnvironHeaders, path_of


def environ(path: str, raw: str | None = None, root: str = "", key: str = "RAW_URI") -> dict[str, Any]:
    made = {"PATH_INFO": path.encode().decode("latin-1"), "SCRIPT_NAME": root}
    return made if raw is None else made | {key: raw}


@pytest.mark.parametrize("key", ["RAW_URI", "REQUEST_URI"])
@pytest.mark.parametrize(
    ("path", "raw", "root", "expected"),
    [
        ("/a", "/a", "", "/a"),
        ("/a/b c", "/a/b%20c?q=%2F", "", "/a/b%20c"),
        ("/a/b", "/a%2Fb", "", "/a%2Fb"),
        ("/a/b", "/app/a%2Fb", "/app", "/a%2Fb"),
        ("/grün", "/gr%C3%BCn", "", "/gr%C3%BCn"),
        ("/other/b", "/a%2Fb", "", "/other/b"),  # a middleware has changed it
        ("/a/b", "http://host/a%2Fb", "", "/a/b"),
        ("", "/app", "/app", ""),
    ],
)
def test_path_is_as_it_was_sent(key: str, path: str, raw: str, root: str, expected: str) -> None:
    assert path_of(environ(path, raw, root, key)) == expected


def test_path_of_a_server_that_does_not_tell() -> None:
    assert path_of(environ("/a/100%/grün")) == "/a/100%25/gr%C3%BCn"


def test_headers_have_names_in_lower_case() -> None:
    told = {
        "HTTP_X_ONE": "1",
        "HTTP_X_EMPTY": "",
        "HTTP_COOKIE": "a=1; b=2",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "",
        "PATH": "x",
    }
    headers = EnvironHeaders(told)
    expected = {"x-one": "1", "x-empty": "", "cookie": "a=1; b=2", "content-type": "text/plain"}
    assert dict(headers) == expected
    assert len(headers) == len(expected)
    assert headers["x-one"] == headers.get("x-one") == "1"
    assert ("x-one" in headers, "x-empty" in headers, "path" in headers, 5 in headers) == (True, True, False, False)
    assert headers.get("content-length", "none") == "none"
    with pytest.raises(KeyError):
        headers["content-length"]


def test_body_without_a_length_ends_at_the_limit() -> None:
    assert io.BufferedReader(Bounded(io.BytesIO(b"x" * 10), 10)).read() == b"x" * 10
    endless = io.BytesIO(b"x" * 1_000_000)
    with pytest.raises(BodyTooLarge):
        io.BufferedReader(Bounded(endless, 10)).read()
    assert endless.tell() < 100, "it was read on beyond the limit"
