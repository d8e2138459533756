from __future__ import annotations

import logging
from typing import Any

import pytest

from motia.logs import Formatter, StepLogger

LOGGER = StepLogger(logging.getLogger("motia.step.test"), {"step": "test"})
ODD: list[tuple[Any, ...]] = [
    (ValueError("50% off"), [1]), ({"a": 1},), (5, "x"), (None,), ("100 %", 5), ("a", {1: "b"}), ("a", [ValueError()]),
    ("%s and %s", 1, 2), ("a", object()),
]  # fmt: skip


@pytest.mark.parametrize("level", ["debug", "info", "warn", "warning", "error", "exception", "critical"])
@pytest.mark.parametrize("given", ODD, ids=[str(number) for number in range(len(ODD))])
def test_a_line_of_anything_is_logged_and_never_raises(
    level: str, given: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "motia"):
        getattr(LOGGER, level)(*given)
    (record,) = caplog.records
    assert record.getMessage() == ("1 and 2" if len(given) == 3 else str(given[0]))
    assert Formatter().format(record)


def test_colours_are_for_terminals(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "motia"):
        LOGGER.info("one\x1b[31m", key="value")
    (record,) = caplog.records
    plain, coloured = Formatter().format(record), Formatter(colour=True).format(record)
    assert "\x1b" not in plain
    assert "[test]" in plain
    assert "\x1b[31m" not in coloured
    assert "\x1b[32m [test]\x1b[0m" in coloured


@pytest.mark.parametrize("colour", [False, True])
def test_nothing_that_is_logged_can_look_like_a_line_of_its_own(colour: bool, caplog: pytest.LogCaptureFixture) -> None:
    forged = "one\n12:00:00 ERROR   all is lost\r\x1b[2J\x00\u202e\x85\u2028"
    with caplog.at_level(logging.INFO, "motia"):
        LOGGER.info(forged, key=forged)
        try:
            raise ValueError(forged)
        except ValueError:
            LOGGER.exception("failed")
    for record in caplog.records:
        first, *others = Formatter(colour=colour).format(record).split("\n")
        assert others
        assert all(line.startswith("  ") and line.isprintable() for line in others)
        assert first.count("12:00:00") == first.count("\\n12:00:00")
