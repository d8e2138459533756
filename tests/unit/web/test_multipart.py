"""Forms with files: exactly the bytes that were sent, and a sentence for what is no form."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motia import HttpError
from motia.web.multipart import MAX_PARTS, File, parse

BOUNDARY = "----x7"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(disposition: str, content: bytes, *more: str) -> bytes:
    head = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *more])
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def test_fields_and_files() -> None:
    form = parse(
        body(
            part('name="title"', "Grüße".encode()),
            part('name="tag"', b"a"),
            part('name="tag"', b""),
            part('name="photo"; filename="ä b.png"', b"\x89PNG\r\n\r\n\x00", "Content-Type: image/png"),
            part('name="note"; filename=""', b""),
        ),
        TYPE,
    )
    assert form.fields == [("title", "Grüße"), ("tag", "a"), ("tag", "")]
    assert form.files == [
        File("photo", "ä b.png", "image/png", b"\x89PNG\r\n\r\n\x00"),
        File("note", "", "text/plain", b""),
    ]


@given(st.lists(st.binary().filter(lambda data: b"\r\n--" + BOUNDARY.encode() not in b"\r\n" + data), max_size=4))
def test_every_byte_of_a_file_arrives(contents: list[bytes]) -> None:
    sent = body(*(part(f'name="f{index}"; filename="f"', data) for index, data in enumerate(contents)))
    assert [file.content for file in parse(sent, TYPE).files] == contents


def test_what_is_quoted_and_what_stands_around_it() -> None:
    sent = b"preamble\r\n" + body(part('name="a"', b"1")) + b"epilogue"
    assert parse(sent, f'multipart/form-data; charset=utf-8; boundary="{BOUNDARY}"').fields == [("a", "1")]
    assert parse(body(), TYPE).fields == []


@pytest.mark.parametrize(
    ("sent", "kind", "problem"),
    [
        (body(part('name="a"', b"1")), "multipart/form-data", "names no boundary"),
        (b"", TYPE, "its end is missing"),
        (part('name="a"', b"1"), TYPE, "its end is missing"),
        (body(part('name="a"', b"1"))[:-6], TYPE, "its end is missing"),
        (body(part("x=1", b"1")), TYPE, "a part has no name"),
        (body(part('name="a"', b"\xff")), TYPE, "is not valid utf-8"),
        (body(part("name=a; filename*=idna''%FF", b"1")), TYPE, "a name that cannot be read"),
        (body(part("name=a; filename*=undefined''x", b"1")), TYPE, "a name that cannot be read"),
        (body(f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n".encode()), TYPE, "no proper head"),
        (body(f"--{BOUNDARY}oops\r\n\r\n\r\n".encode()), TYPE, "no proper head"),
        (body(part('name="a"', b"1", "X: " + "y" * 9000)), TYPE, "no proper head"),
        (body(*[part('name="a"', b"1")] * (MAX_PARTS + 1)), TYPE, "at most 1000 parts"),
    ],
)
def test_what_is_no_form(sent: bytes, kind: str, problem: str) -> None:
    with pytest.raises(HttpError, match=problem) as refused:
        parse(sent, kind)
    assert (refused.value.status, refused.value.code) == (400, "malformed_form")


@given(st.binary(max_size=300))
def test_noise_is_refused_and_nothing_worse(noise: bytes) -> None:
    sent: Any = body(f"--{BOUNDARY}\r\n".encode() + noise + b"\r\n")
    with suppress(HttpError):
        form = parse(sent, TYPE)
        assert len(form.fields) + len(form.files) == 1
