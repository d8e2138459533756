"""What has happened since one last asked, in every process: by asking again, or as server-sent events.

Asking each second is what works everywhere. A server that streams well is asked once: there the same answers come as
events, for ``SSE_SECONDS``, after which the browser comes back with the last one's id.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from typing import Any

import anyio

from motia.codec import response_json
from motia.traces.base import MAX_PAGE, TraceFilter
from motia.tracing.records import EventRecord, SpanRecord
from motia.web.answers import Answer
from motia.web.streams import EVENTS, Stream
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.queues import list_queues
from motia.web.workbench.traces import event_of, log_of, span_of, summary_of

TOPICS = ("traces", "logs", "queues")
SSE_SECONDS, LOOK = 5.0, 1.0
"""How long a stream is, for a server that is told to stop waits for its end; and how often it looks, in seconds."""
MAX_STREAMS = 4
"""Streams in one process; whoever comes later polls."""


class Feed:
    """Answers ``events``."""

    def __init__(self) -> None:
        self._streams = 0

    async def answer(self, ask: Ask) -> models.Feed | Answer:
        cursor = ask.visit.headers.get("last-event-id") or ask.query.get("after", "")
        if EVENTS not in ask.visit.headers.get("accept", ""):
            return await since(ask, cursor)
        if ask.visit.inline or self._streams >= MAX_STREAMS:
            return Answer(204, [("cache-control", "no-store")], b"")
        headers = [("content-type", EVENTS), ("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")]
        return Answer(200, headers, Stream(self._told(ask, cursor), events=True))

    async def _told(self, ask: Ask, cursor: str) -> AsyncGenerator[bytes, None]:
        self._streams += 1
        began = time.monotonic()
        try:
            yield b"retry: 1000\n\n"
            while time.monotonic() - began < SSE_SECONDS:
                found = await since(ask, cursor)
                if found.events or found.reset or found.cursor != cursor:
                    cursor = found.cursor
                    yield b"id: " + cursor.encode() + b"\ndata: " + response_json(found) + b"\n\n"
                await anyio.sleep(LOOK)
        finally:
            self._streams -= 1


async def since(ask: Ask, cursor: str) -> models.Feed:
    """What has happened after a cursor; without one, where one is."""
    topics = set(ask.query.get("topics", ",".join(TOPICS)).split(","))
    recorded, _, queues = cursor.partition("~")
    events: list[models.FeedEvent] = []
    reset = False
    if ask.traces is not None:
        changes = await ask.traces.since(recorded or None, MAX_PAGE)
        recorded, reset = changes.cursor, changes.reset
        events += await _of_records(ask, changes.records, topics)
    if "queues" in topics:
        rows = [asdict(row) for row in await list_queues(ask)]
        seal = hashlib.sha256(response_json(rows)).hexdigest()[:12]
        if queues and seal != queues:
            events.append(models.FeedEvent(f"queues {seal}", "queue.stats", {"items": rows}))
        queues = seal
    return models.Feed(events, f"{recorded}~{queues}", reset)


async def _of_records(ask: Ask, records: Sequence[Any], topics: set[str]) -> list[models.FeedEvent]:
    only = ask.query.get("trace")
    found = [record for record in records if only in {None, record.trace_id}]
    events = [_of_record(ask, record) for record in found if _wanted(record, topics)]
    ids = list(dict.fromkeys(record.trace_id for record in found if isinstance(record, SpanRecord)))
    if ids and "traces" in topics:
        assert ask.traces is not None
        page = await ask.traces.traces(TraceFilter(ids=ids), len(ids))
        events += [
            models.FeedEvent(f"trace {item.trace_id}", "trace.upsert", asdict(summary_of(ask.curtain, item)))
            for item in page.items
        ]
    return events


def _wanted(record: Any, topics: set[str]) -> bool:
    is_log = isinstance(record, EventRecord) and record.type == "log"
    return ("logs" in topics and is_log) or ("traces" in topics and not is_log)


def _of_record(ask: Ask, record: Any) -> models.FeedEvent:
    """A record; times of spans and events are from the epoch here, for the start of their trace may be elsewhere."""
    id = str(record.seq)
    if isinstance(record, SpanRecord):
        data = asdict(span_of(ask.curtain, record, 0)) | {"trace_id": record.trace_id, "at_us": record.start_us}
        return models.FeedEvent(id, "span.upsert", data)
    if record.type == "log":
        return models.FeedEvent(id, "log.append", asdict(log_of(ask.curtain, record)))
    data = asdict(event_of(ask.curtain, record, 0)) | {"trace_id": record.trace_id, "at_us": record.at_us}
    return models.FeedEvent(id, "event.append", data)


def feed_routes() -> list[Route]:
    """The feed of one Workbench, which counts its streams."""
    return [Route("GET", "events", Feed().answer, model=models.Feed)]
