from __future__ import annotations

from typing import Any

import pytest

from motia import HttpError
from motia.web.workbench.access import Caller
from motia.web.workbench.curtain import PREVIEW, Curtain

OPERATOR = Curtain(Caller("grace", frozenset()), ["iban"])
VIEWER = Curtain(Caller("eve", frozenset(), sees=False))
STORED = {"iban": "DE1", "n": 1, "deep": [{"IBAN": {"a": 1}}, "password=hunter22"], "token": "abcd"}
SHOWN = {"iban": "[hidden]", "n": 1, "deep": [{"IBAN": "[hidden]"}, "password=[hidden]"], "token": "[hidden]"}


def test_named_fields_are_hidden_at_any_depth() -> None:
    assert OPERATOR.value(STORED) == SHOWN
    assert OPERATOR.fields({"iban": "DE1"}) == {"iban": "[hidden]"}


def test_viewers_see_the_shape() -> None:
    assert VIEWER.value({"a": [1, "x", None, True]}) == {"a": ["[hidden]", "[hidden]", None, True]}
    assert VIEWER.preview('{"a":1}') is None


def test_damaged_text_is_shown_as_text() -> None:
    assert OPERATOR.json("{token=hunter22") == "{token=[hidden]"
    assert OPERATOR.json(None) is None


def test_previews_are_cut_after_hiding() -> None:
    text = '{"long":"' + "x" * 500 + '","token":"hunter22"}'
    assert OPERATOR.preview(text) == text[:PREVIEW]
    assert OPERATOR.preview('{"token":"hunter22"}') == '{"token":"[hidden]"}'


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        (SHOWN, STORED),
        ({**SHOWN, "n": 2}, {**STORED, "n": 2}),
        ({"deep": SHOWN["deep"]}, {"deep": STORED["deep"]}),
        ({"new": [1]}, {"new": [1]}),
        (7, 7),
    ],
)
def test_what_was_hidden_is_put_back(edited: Any, expected: Any) -> None:
    assert OPERATOR.restored(edited, STORED) == expected


@pytest.mark.parametrize(
    "edited",
    [{"n": "[hidden]"}, {"other": "[hidden]"}, {"deep": ["[hidden]"]}, {"deep": [1, 2, "[hidden]"]}, "[hidden]",
     {"deep": [SHOWN["deep"][0], "password=[hidden] and more"]}],
)  # fmt: skip
def test_a_hidden_value_elsewhere_is_refused(edited: Any) -> None:
    with pytest.raises(HttpError, match="there is none in this place"):
        OPERATOR.restored(edited, STORED)


def test_viewers_values_are_put_back_too() -> None:
    assert VIEWER.restored({"a": "[hidden]"}, {"a": 1}) == {"a": 1}
