"""Bodies that are text in some encoding: those of the web are read, and nothing else of Python's is set going."""

from __future__ import annotations

import encodings

import pytest

from motia import HttpError, Motia, http, step
from motia.plans import Plan
from motia.web.incoming import Incoming, make_request


@step("text", triggers=[http("POST", "/text")])
def text(body: str) -> None: ...


PLAN: Plan = Motia("memory:", steps=[text]).registry.http[0]


def read(body: bytes, charset: str) -> object:
    kind = f"text/plain; charset={charset}"
    return make_request(PLAN, Incoming("POST", "/text", {}, "", {"content-type": kind}, body, None)).body


@pytest.mark.parametrize(
    "charset", ["utf-8", "UTF8", '"utf-8"', "iso-8859-1", "latin-1", "windows-1252", "us-ascii", "big5", "shift_jis",
                "koi8-u", "gb18030", "euc-kr", "utf-16le"],
)  # fmt: skip
def test_encodings_of_the_web_are_read(charset: str) -> None:
    assert read("ab".encode(charset.strip('"')), charset) == "ab"


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "a\0b", "../x", "no-such", ""]
)
def test_others_are_refused_and_not_remembered(charset: str) -> None:
    known = dict(encodings._cache)  # type: ignore[attr-defined]  # where Python keeps the names that it was asked for
    with pytest.raises(HttpError, match="is not valid") as refused:
        read(b"a" * 100_000 + b"-" + b"0a" * 100_000, charset)
    assert refused.value.status == 400
    assert encodings._cache == known  # type: ignore[attr-defined]  # see above
