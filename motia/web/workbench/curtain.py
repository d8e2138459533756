"""What is shown of payloads: secrets are hidden from everybody, and everything from viewers. Done on the server.

What was hidden comes back as it was where somebody edits what is around it; a hidden value is never written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motia.codec import loads, response_json
from motia.errors import HttpError
from motia.redaction import HIDDEN, redact, redact_text
from motia.web.workbench.access import Caller

PREVIEW = 200
"""Characters of a payload's preview."""


class Curtain:
    """Hides from one caller what that one must not see.

    Args:
        names: of further secret fields, in any case.
    """

    def __init__(self, caller: Caller, names: Sequence[str] = ()) -> None:
        self._sees = caller.sees
        self._names = frozenset(name.lower() for name in names)

    def value(self, data: Any) -> Any:
        """Plain data without what is to be hidden."""
        return self._named(redact(data)) if self._sees else _bare(data)

    def json(self, text: str | None) -> Any:
        """What JSON text stands for, as ``value``; damaged text as text, and None for None."""
        if text is None:
            return None
        try:
            return self.value(loads(text))
        except ValueError:
            return self.text(text)

    def text(self, text: str) -> str:
        """Text that somebody wrote by hand: a message of a log, of an error."""
        return redact_text(text)

    def fields(self, fields: Mapping[str, Any]) -> Any:
        """What a line of the log carries."""
        return self.value(dict(fields)) if fields else None

    def preview(self, text: str) -> str | None:
        """The beginning of a payload, for a row of a list; None where it is not to be seen."""
        if not self._sees:
            return None
        shown = self.json(text)  # before the cut: a secret whose name was cut off is not known as one
        return (shown if isinstance(shown, str) else response_json(shown).decode())[:PREVIEW]

    def restored(self, edited: Any, original: Any) -> Any:
        """What somebody has edited, with what was hidden from that one put back.

        Raises:
            HttpError: 422; a hidden value stands where none was.
        """
        return _restored(edited, original, self.value(original), "$")

    def _named(self, data: Any) -> Any:
        if not self._names:
            return data
        if isinstance(data, Mapping):
            return {
                key: HIDDEN if str(key).lower() in self._names else self._named(value) for key, value in data.items()
            }
        return [self._named(item) for item in data] if isinstance(data, (list, tuple)) else data


def _bare(data: Any) -> Any:
    """The shape of data alone."""
    if isinstance(data, Mapping):
        return {key: _bare(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_bare(item) for item in data]
    return data if data is None or isinstance(data, bool) else HIDDEN


def _restored(edited: Any, original: Any, shown: Any, path: str) -> Any:
    if isinstance(edited, str) and HIDDEN in edited:
        if edited != shown:
            raise HttpError(
                422,
                f"{path} is {HIDDEN}, which stands for a value that is not shown, and there is none in this place",
                code="hidden_value",
            )
        return original
    if isinstance(edited, Mapping):
        befores = original if isinstance(original, Mapping) else {}
        seen = shown if isinstance(shown, Mapping) else {}
        return {
            key: _restored(value, befores.get(key), seen.get(key), f"{path}.{key}") for key, value in edited.items()
        }
    if isinstance(edited, list):
        return [
            _restored(item, _at(original, index), _at(shown, index), f"{path}[{index}]")
            for index, item in enumerate(edited)
        ]
    return edited


def _at(items: Any, index: int) -> Any:
    return items[index] if isinstance(items, list) and index < len(items) else None
