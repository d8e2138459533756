"""The response that most answers are is the one that Django would have made."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from motia.integrations.django.responses import PlainResponse


def _plain() -> PlainResponse:
    return PlainResponse(b'{"a": 1}', 201, "application/json")


def _seen(response: HttpResponse, name: str) -> Any:
    value = getattr(response, name)
    return dict(value) if name in {"headers", "cookies"} else value


def test_a_plain_response_is_what_django_makes_of_the_same() -> None:
    ours, theirs = _plain(), HttpResponse(b'{"a": 1}', "application/json", 201)
    theirs["Content-Length"] = "8"
    assert {name: _seen(ours, name) for name in vars(theirs)} == {name: _seen(theirs, name) for name in vars(theirs)}
    assert ours.serialize() == theirs.serialize()
    assert (ours.reason_phrase, ours.charset, ours.content) == (theirs.reason_phrase, theirs.charset, theirs.content)


def test_plain_responses_share_nothing_that_can_change() -> None:
    one, other = _plain(), _plain()
    constant = (bool, int, str, type(None))
    changing = [name for name, value in vars(HttpResponse()).items() if not isinstance(value, constant)]
    assert {"headers", "cookies"} <= set(changing)
    assert [name for name in changing if getattr(one, name) is getattr(other, name)] == []


def test_its_headers_can_be_asked_for_and_changed() -> None:
    response = _plain()
    response.headers.setdefault("CONTENT-TYPE", "never")
    response.headers.setdefault("X-More", "given")
    response.set_cookie("seen", "1")
    del response["Content-Length"]
    assert dict(response.headers) == {"Content-Type": "application/json", "X-More": "given"}
    assert ("content-type" in response.headers, "x-none" in response.headers) == (True, False)
    assert response.cookies["seen"].value == "1"
