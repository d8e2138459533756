from __future__ import annotations

import io
import sys
import threading

import pytest

from motia.cli.progress import progress


class Screen(io.StringIO):
    """Standard error, as a terminal or not.

    Attributes:
        told: something was written.
    """

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self.told = threading.Event()

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        self.told.set()
        return super().write(text)


def test_long_work_is_told_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    with progress("working on shop:motia", patience=0.001):
        assert screen.told.wait(10)
    text = screen.getvalue()
    assert text.startswith("\rworking on shop:motia ... 0 s")
    assert text.endswith("\r" + " " * len("working on shop:motia ... 0 s") + "\r")


def test_short_work_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    with progress("working"):
        pass
    assert screen.getvalue() == ""


def test_programs_see_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    with progress("working", patience=0):
        assert threading.active_count() == 1 or not screen.told.is_set()
    assert screen.getvalue() == ""
