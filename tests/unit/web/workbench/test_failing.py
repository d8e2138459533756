from __future__ import annotations

import pytest

from motia.web.workbench.failing import failure_in

TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    raise X\n'


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (TRACEBACK + "shop.CardTimeout: gateway 504", "CardTimeout", "gateway 504"),
        (TRACEBACK + "KeyError: 'a: b'", "KeyError", "'a: b'"),
        (TRACEBACK + "KeyboardInterrupt", "KeyboardInterrupt", ""),
        (
            TRACEBACK + "pydantic_core.ValidationError: 1 error\nitems.0\n  Input ...\ny\n  Input ...",
            "ValidationError",
            "1 error",
        ),
        (f"{TRACEBACK}KeyError: 'a'\n\nDuring ...:\n\n{TRACEBACK}RuntimeError: b\na note", "RuntimeError", "b"),
        ("cut off\n" + TRACEBACK.partition("\n")[2] + "ValueError: c", "ValueError", "c"),
        ("the worker died", "worker_lost", "the worker died"),
        ("", "worker_lost", ""),
    ],
)
def test_what_went_wrong(text: str, kind: str, message: str) -> None:
    failure = failure_in(text, "worker_lost")
    assert (failure.type, failure.message) == (kind, message)


def test_numbers_make_no_difference() -> None:
    alike = [failure_in(TRACEBACK + f"E: order {n} of 0x7f{n} failed", "x").fingerprint for n in (1, 22)]
    assert alike[0] == alike[1] != failure_in(TRACEBACK + "E: another", "x").fingerprint
