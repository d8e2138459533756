"""Whose pages may speak to an app, and what a browser is told of it."""

from __future__ import annotations

import pytest

from motia.web.answers import Answer
from motia.web.origins import Origins

HOST = {"host": "api.example:8000"}
ASKED = {"access-control-request-method": "PUT", "access-control-request-headers": "content-type,x-a"}


def page(origin: str | None) -> dict[str, str]:
    return HOST if origin is None else {**HOST, "origin": origin}


@pytest.mark.parametrize(
    ("origin", "allowed", "lets"),
    [
        (None, (), True),
        ("http://api.example:8000", (), True),
        ("http://API.example:8000", (), True),
        ("http://api.example", (), False),
        ("https://app.example", ("https://app.example/",), True),
        ("https://app.example.evil", ("https://app.example",), False),
        ("https://evil.example", ("*",), True),
        ("http://localhost:5173", ("localhost",), True),
        ("https://127.0.0.1", ("localhost",), True),
        ("http://[::1]:3000", ("localhost",), True),
        ("http://shop.localhost:80", ("localhost",), True),
        ("http://localhost.evil.example", ("localhost",), False),
        ("http://evillocalhost", ("localhost",), False),
        ("http://127.0.0.1.evil.example", ("localhost",), False),
        ("file://localhost", ("localhost",), False),
        ("http://[::1", ("localhost",), False),
        ("null", ("localhost",), False),
        ("http://localhost:5173", (), False),
        ("http://evil.example\\@api.example:8000", (), False),
        ("http://evil@api.example:8000", (), False),
        ("http://api.example:8000/evil", (), False),
        ("http://api.example:8000#evil", (), False),
        ("http://evil.example@localhost", ("localhost",), False),
        ("http://evil.example\\@localhost", ("localhost",), False),
    ],
)
def test_whose_pages_may(origin: str | None, allowed: tuple[str, ...], lets: bool) -> None:
    assert Origins(allowed).lets(page(origin)) is lets


def opened(origin: str | None, *allowed: str, method: str = "GET", **more: str) -> dict[str, str]:
    headers = page(origin) | {name.replace("_", "-"): value for name, value in more.items()}
    answer = Answer(204, [("allow", "GET, OPTIONS, PUT")] if method == "OPTIONS" else [], b"")
    return dict(Origins(allowed).opened(answer, method, headers).headers)


def test_what_a_browser_is_told() -> None:
    assert opened("https://app.example") == {}
    assert opened("https://evil.example", "https://app.example") == {"vary": "origin"}
    assert opened("http://api.example:8000", "https://app.example") == {"vary": "origin"}
    assert opened("https://app.example", "https://app.example") == {
        "vary": "origin",
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-credentials": "true",
    }
    everybody = opened("https://app.example", "*")
    assert everybody == {"vary": "origin", "access-control-allow-origin": "*"}, "never together with credentials"


def test_what_it_is_told_beforehand() -> None:
    asked = {name.replace("-", "_"): value for name, value in ASKED.items()}
    found = opened("https://app.example", "https://app.example", method="OPTIONS", **asked)
    assert found["access-control-allow-methods"] == "GET, OPTIONS, PUT"
    assert found["access-control-allow-headers"] == "content-type,x-a"
    assert found["access-control-max-age"] == "600"
    refused = opened("https://evil.example", "https://app.example", method="OPTIONS", **asked)
    assert refused == {"allow": "GET, OPTIONS, PUT", "vary": "origin"}


def test_a_step_that_says_so_itself_is_left_alone() -> None:
    answer = Answer(200, [("Access-Control-Allow-Origin", "https://own.example")], b"")
    assert Origins(["*"]).opened(answer, "GET", page("https://app.example")) == answer
