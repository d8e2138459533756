from __future__ import annotations

import time
from typing import Any

import pytest

from motia.redaction import HIDDEN, redact, redact_text, register_url


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"password": "x", "user": "ada"}, {"password": HIDDEN, "user": "ada"}),
        ({"Authorization": "Bearer abc"}, {"Authorization": HIDDEN}),
        ({"a": [{"api_key": "x"}, {"API-Key": "y"}]}, {"a": [{"api_key": HIDDEN}, {"API-Key": HIDDEN}]}),
        ({"session_cookie": {"deep": "x"}}, {"session_cookie": HIDDEN}),
        ({"tokens_used": 12, "token": None}, {"tokens_used": 12, "token": None}),
        ({"note": "login with password=hunter2 failed"}, {"note": f"login with password={HIDDEN} failed"}),
        ("plain", "plain"),
        (("a", 1), ("a", 1)),
    ],
)
def test_values_of_secret_names_are_hidden(data: Any, expected: Any) -> None:
    assert redact(data) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2", f"password={HIDDEN}"),
        ("password: hunter2, user: ada", f"password: {HIDDEN}, user: ada"),
        ('{"client_secret": "a \\" b", "n": 1}', f'{{"client_secret": {HIDDEN}, "n": 1}}'),
        ("{'api_key': 'abc'}", f"{{'api_key': {HIDDEN}}}"),
        ("Authorization: Bearer abcdefgh.ijk", f"Authorization: {HIDDEN}"),
        ("got bearer abcdefgh.ijk from them", f"got bearer {HIDDEN} from them"),
        ("postgresql://ada:hunter2@db:5432/x", f"postgresql://ada:{HIDDEN}@db:5432/x"),
        ("https://db:5432/x", "https://db:5432/x"),
        ("the token is missing", "the token is missing"),
        ("access_token=abc&next=1", f"access_token={HIDDEN}&next=1"),
    ],
)
def test_secrets_in_a_text_are_hidden(text: str, expected: str) -> None:
    assert redact_text(text) == expected
    assert redact_text(expected) == expected


def test_the_password_of_a_backend_is_hidden_wherever_it_stands() -> None:
    register_url("postgresql://ada:s3cr3t%2Fvalue@db/x")
    assert redact_text("could not log in with s3cr3t/value") == f"could not log in with {HIDDEN}"
    assert redact_text("or with s3cr3t%2Fvalue") == f"or with {HIDDEN}"


@pytest.mark.parametrize(
    "text", ["password" * 8_000, "token=" + '"\\' * 30_000, "://" + "a:" * 30_000, "bearer " * 9_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    redact_text(text)
    assert time.perf_counter() - began < 0.5
