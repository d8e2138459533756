"""What subscribers are told, as text: the frames of Motia's stream clients, and the payload of ``stream`` triggers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property

from motia.streams.base import Entry, Snapshot


class Told:
    """One thing that subscribers are told, written once for all of them.

    Attributes:
        entry: of the log.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    @cached_property
    def frame(self) -> str:
        """The frame of the wire protocol."""
        return frame(self.entry)

    @cached_property
    def size(self) -> int:
        """Length of the frame in bytes."""
        return len(self.frame.encode())


def frame(entry: Entry) -> str:
    """The frame of an entry."""
    body = f'"event":{entry.data}' if entry.kind == "event" else f'"data":{entry.data}'
    return _frame(entry.timestamp, entry.stream, entry.group, entry.id, f'{{"type":"{entry.kind}",{body}}}')


def sync_frame(stream: str, group: str, id: str | None, snapshot: Snapshot) -> str:
    """The frame that tells a new subscriber what there is."""
    texts = [text for _, text in snapshot.items]
    data = f"[{','.join(texts)}]" if id is None else _one(texts)
    return _frame(snapshot.head.timestamp, stream, group, id, f'{{"type":"sync","data":{data}}}')


def denied_frame(stream: str, group: str, id: str | None, code: str, message: str, timestamp: int) -> str:
    """The frame that refuses a join, in the form which the clients hand to ``onEvent("error", ...)``."""
    error = json.dumps({"type": "error", "data": {"code": code, "message": message}})
    return _frame(timestamp, stream, group, id, f'{{"type":"event","event":{error}}}')


def _one(texts: Sequence[str]) -> str:
    return texts[0] if texts else "null"


def _frame(timestamp: int, stream: str, group: str, id: str | None, event: str) -> str:
    where = f'"streamName":{_text(stream)},"groupId":{_text(group)},"id":{"null" if id is None else _text(id)}'
    return f'{{"type":"stream","timestamp":{timestamp},{where},"event":{event}}}'


def _text(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
