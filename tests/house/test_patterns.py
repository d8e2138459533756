"""No pattern that meets what others send takes long over fifty thousand characters of it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

import motia

LENGTH, SECONDS = 50_000, 0.5  # what is quadratic takes a minute
MET = re.compile(
    r"motia\.(codec|redaction|logs|routing|requests|declared|messages|items|triggers|webhooks|web\b.*|tracing\b.*"
    r"|traces\.\w+|streams\.\w+|stores\.\w+)"
)
UNITS = [
    *("a", "0", "-", ".", ":", "=", "/", " ", "\t", "\n", "\\", '"', "'", '\\"', "[", "%", "e", "\x00"),
    *("<base ", "a.", "0x", "00000000-", "token=", "token='", 'token=\\"', "basic ", "://a:", "://a:b@", "{a", "1,"),
    *("input_value=", "input_value=...", "cookie: a; ", "password-"),
]


def patterns() -> Iterator[tuple[str, Any]]:
    """Each way in which a pattern is asked, by its name."""
    for found in pkgutil.walk_packages(motia.__path__, "motia."):
        if MET.fullmatch(found.name):
            module = importlib.import_module(found.name)
            source = inspect.getsource(module)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    for way in set(re.findall(rf"\b{name}\.(search|match|fullmatch|sub|findall|finditer)\b", source)):
                        yield f"{found.name}.{name}.{way}", value


FOUND = dict(patterns())


@pytest.mark.parametrize("name", FOUND)
def test_no_text_takes_long(name: str) -> None:
    pattern, way = FOUND[name], name.rpartition(".")[2]
    ask = partial(pattern.sub, "") if way == "sub" else getattr(pattern, way)
    is_bytes = isinstance(pattern.pattern, bytes)
    if is_bytes and way == "sub":
        ask = partial(pattern.sub, b"")
    for unit in UNITS:
        for before, after in (("", "\x01"), ('"', "!")):
            text = before + unit * (LENGTH // len(unit)) + after
            began = time.perf_counter()
            ask(text.encode() if is_bytes else text)
            assert time.perf_counter() - began < SECONDS, (before, unit)


def test_the_test_sees_the_patterns() -> None:
    expected = {"motia.codec._STRING.sub", "motia.redaction._ASSIGNED.sub", "motia.web.sse._CURSOR.fullmatch"}
    assert expected <= FOUND.keys()
