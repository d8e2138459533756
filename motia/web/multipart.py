"""Forms with files, RFC 7578, for hosts that have no parser of their own."""

from __future__ import annotations

from email.message import Message
from email.parser import HeaderParser
from typing import NamedTuple

from motia.errors import HttpError

MAX_PARTS = 1000
MAX_HEAD = 8 * 1024
"""Bytes of the headers of one part."""


class File(NamedTuple):
    """A file of a form.

    Attributes:
        name: of its field.
        filename: as the client calls it; never a path to be opened.
        content_type: as the client says; ``text/plain`` where it says nothing.
    """

    name: str
    filename: str
    content_type: str
    content: bytes


class Form(NamedTuple):
    """What a form brought, in its order: fields as name and value, and files."""

    fields: list[tuple[str, str]]
    files: list[File]


def parse(body: bytes, content_type: str) -> Form:
    """The fields and files of a ``multipart/form-data`` body.

    Raises:
        HttpError: 400; it is no such body, is cut short, or has too many parts.
    """
    boundary = _param(f"content-type: {content_type}", "content-type", "boundary")
    if not boundary:
        raise _malformed("its content type names no boundary")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), MAX_PARTS + 1)
    if len(parts) > MAX_PARTS:
        raise _malformed(f"expected at most {MAX_PARTS} parts")
    if not parts or not parts[-1].startswith(b"--"):
        raise _malformed("its end is missing")
    form = Form([], [])
    for part in parts[:-1]:
        _add(form, part)
    return form


def _add(form: Form, part: bytes) -> None:
    blanks, _, rest = part.partition(b"\r\n")
    head, found, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if blanks.strip(b" \t") or not found or len(head) > MAX_HEAD:
        raise _malformed("a part has no proper head")
    headers = HeaderParser().parsestr(_text(head.lstrip(b"\r\n")))
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise _malformed("a part has no name")
    filename = _filename(headers)
    if filename is None:
        form.fields.append((name, _text(content)))
    else:
        form.files.append(File(name, filename, headers.get_content_type(), content))


def _filename(headers: Message) -> str | None:
    try:
        return headers.get_filename()
    except UnicodeError as error:  # it names an encoding of Python's that no text is in
        raise _malformed("a part has a name that cannot be read") from error


def _param(head: str, header: str, name: str) -> str:
    found: Message = HeaderParser().parsestr(head)
    value = found.get_param(name, header=header)
    return value if isinstance(value, str) else ""


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _malformed("a part is not valid utf-8 text") from error


def _malformed(problem: str) -> HttpError:
    return HttpError(400, f"the form cannot be read: {problem}", code="malformed_form")
