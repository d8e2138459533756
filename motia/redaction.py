"""Keeping secrets out of log lines, traces and dead letters: by the name they stand under, and by value. Pure.

Always before a text is cut to length: a secret whose name was cut off would be recognised no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

HIDDEN = "[hidden]"
MIN_SECRET = 4
"""Characters of the shortest value that is hidden wherever it stands; anything shorter would hide half of a text."""
_NAME = r"password|passwd|token|secret|authorization|cookie|api[-_]?key|dsn"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# The values of these headers are many words: up to the end of the line, or of the quotes that they are in.
_HEADER = re.compile(r"""((?:authorization|cookie)["']?:\s{0,4})[^\s"'\\\[{(][^\n"']*""", re.IGNORECASE)
# A name, a mark, and its value: quoted, and were it never closed, or up to the next space or mark; with a scheme as in
# `authorization=Bearer x`. In a text within a text, quotes have backslashes before them.
_ASSIGNED = re.compile(
    rf"""((?:{_NAME})[\w-]{{0,40}}(?:\\{{0,4}}["'])?\s{{0,4}}[:=]\s{{0,4}})"""
    r"""((?!\[hidden\])(?:b?"(?:[^"\\\n]|\\.)*"?|b?'(?:[^'\\\n]|\\.)*'?|\\{1,4}["'][^"'\n]*["']?|"""
    r"""(?:(?:basic|bearer)\s+)?[^\s,;&)\]}"']+))""",
    re.IGNORECASE,
)
# In errors of pydantic: it leaves out the middle of what is long, and names of secrets with it.
_INPUT = re.compile(r"(input_value=)([^\n]{0,400}?)(?=, input_type=)")
_SCHEME = re.compile(r"\b(basic|bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_IN_URL = re.compile(r"(://[^\s:/@]{0,200}:)[^\s/@]{1,500}@")
_SIGNS = (
    "password", "passwd", "token", "secret", "authorization", "cookie", "apikey", "api-key", "api_key", "dsn",
    "basic", "bearer", "://", "input_value=",
)  # fmt: skip
_registered: set[str] = set()


def register(*values: str) -> None:
    """Have these values hidden wherever they stand, such as the password of a database."""
    _registered.update(value for value in values if len(value) >= MIN_SECRET)


def register_url(url: str) -> None:
    """Have the password of a URL hidden."""
    password = urlsplit(url).password
    if password:
        register(password, unquote(password))


def redact(data: Any) -> Any:
    """A copy of plain data in which the values of secret names are hidden, at any depth."""
    if isinstance(data, str):
        return redact_text(data)
    if isinstance(data, Mapping):
        return {key: HIDDEN if is_secret(key, value) else redact(value) for key, value in data.items()}
    if type(data) in {list, tuple}:
        return type(data)(redact(item) for item in data)
    return data


def is_suspect(text: str) -> bool:
    """Whether there may be a secret in a text. Tells most texts from the few that need a closer look, in no time."""
    plain = text.casefold()
    for sign in _SIGNS:  # a loop, since this is asked of every text that is logged or recorded
        if sign in plain:
            return True
    return any(value in text for value in _registered) if _registered else False


def redact_text(text: str) -> str:
    """A text without secrets: values behind their names, passwords in URLs, bearer tokens, registered values."""
    if not is_suspect(text):
        return text
    for value in sorted(_registered, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(value, HIDDEN)
    if "://" in text:
        text = _IN_URL.sub(rf"\1{HIDDEN}@", text)
    if "input_value=" in text:
        text = _INPUT.sub(lambda found: found[1] + HIDDEN if "..." in found[2] else found[0], text)
    if _SECRET_NAME.search(text):
        text = _ASSIGNED.sub(rf"\1{HIDDEN}", _HEADER.sub(rf"\1{HIDDEN}", text))
    return _SCHEME.sub(rf"\1 {HIDDEN}", text)


def is_secret(key: Any, value: Any) -> bool:
    """Whether a value is hidden for the name it stands under. Numbers are no secrets: ``tokens_used`` stays."""
    return (
        isinstance(key, str)
        and bool(_SECRET_NAME.search(key))
        and not isinstance(value, (bool, int, float, type(None)))
    )
