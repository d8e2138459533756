from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from motia.redaction import HIDDEN, redact, redact_text, register, register_url


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
        ("authorization: Token abcdef\nhost: db", f"authorization: {HIDDEN}\nhost: db"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=ab, Signature=cd", f"Authorization: {HIDDEN}"),
        ("Cookie: theme=dark; sid=abcdef", f"Cookie: {HIDDEN}"),
        ("{'cookie': 'a=b; sid=c', 'n': 1}", f"{{'cookie': {HIDDEN}, 'n': 1}}"),
        ('cut off: password="hunter2', f"cut off: password={HIDDEN}"),
        ("password=b'hunter2'.", f"password={HIDDEN}."),
        (
            '{"text": "{\\"password\\": \\"hunter2\\", \\"n\\": 1}"}',
            f'{{"text": "{{\\"password\\": {HIDDEN}, \\"n\\": 1}}"}}',
        ),
        ("input_value={'name': 'so...ord': 'hunter2'}, input_type=dict]", f"input_value={HIDDEN}, input_type=dict]"),
        ("input_value='twelve', input_type=str]", "input_value='twelve', input_type=str]"),
    ],
)
def test_secrets_in_a_text_are_hidden(text: str, expected: str) -> None:
    assert redact_text(text) == expected
    assert redact_text(expected) == expected


def test_the_password_of_a_backend_is_hidden_wherever_it_stands() -> None:
    register_url("postgresql://ada:s3cr3t%2Fvalue@db/x")
    assert redact_text("could not log in with s3cr3t/value") == f"could not log in with {HIDDEN}"
    assert redact_text("or with s3cr3t%2Fvalue") == f"or with {HIDDEN}"


def test_of_two_values_that_begin_alike_nothing_is_left() -> None:
    register("correct", "correct horse battery", "correct horse")
    assert redact_text("correct horse battery, correct horse") == f"{HIDDEN}, {HIDDEN}"


def test_an_error_of_pydantic_tells_no_secret_whose_name_it_has_cut() -> None:
    class Order(BaseModel):
        sku: int

    for room in range(60):
        with pytest.raises(ValidationError) as refused:
            Order.model_validate({"customer": "x" * room, "password": "hunter2-and-more"})
        assert "and-more" not in redact_text(str(refused.value))


@pytest.mark.parametrize(
    "text",
    [
        "password" * 8_000,
        "cookie: a" * 7_000,
        "input_value=" * 5_000,
        "input_value=..., input_type=" * 2_000,
        "token=" + '"\\' * 30_000,
        "://" + "a:" * 30_000,
        "bearer " * 9_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    redact_text(text)
    assert time.perf_counter() - began < 0.5
