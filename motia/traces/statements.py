"""The statements of the SQL trace store, in the words that every dialect is made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.traces.base import LEVELS, LogFilter, TraceFilter
from motia.traces.summary import wanted_words

BEGIN = "INSERT INTO motia_trace_head (id, seq, pruned) VALUES ('all', 0, 0) ON CONFLICT (id) DO NOTHING"
ADVANCE = "UPDATE motia_trace_head SET seq = seq + :count WHERE id = 'all'"
HEAD = "SELECT seq, pruned FROM motia_trace_head WHERE id = 'all'"
PUT_SPAN = """
INSERT INTO motia_span (trace_id, span_id, seq, step, status, start_us, duration_us, brief, body)
VALUES (:trace, :span, :seq, :step, :status, :start, :duration, :brief, :body)
ON CONFLICT (trace_id, span_id) DO UPDATE SET seq = excluded.seq, status = excluded.status,
    start_us = excluded.start_us, duration_us = excluded.duration_us, brief = excluded.brief, body = excluded.body
"""
CHANGE_SPAN = """
UPDATE motia_span SET seq = :seq, status = :status, duration_us = :duration, brief = :brief, body = :body
WHERE trace_id = :trace AND span_id = :span
"""
PUT_EVENT = """
INSERT INTO motia_event (seq, trace_id, span_id, step, at_us, type, severity, target, message, data)
VALUES (:seq, :trace, :span, :step, :at, :type, :severity, :target, :message, :data)
"""
PUT_TRACE = """
INSERT INTO motia_trace (trace_id, start_us, duration_us, kind, status, spans, events, words, data)
VALUES (:trace, :start, :duration, :kind, :status, :spans, :events, :words, :data)
ON CONFLICT (trace_id) DO UPDATE SET start_us = excluded.start_us, duration_us = excluded.duration_us,
    kind = excluded.kind, status = excluded.status, spans = excluded.spans, events = excluded.events,
    words = excluded.words, data = excluded.data
"""
_CHOSEN = "WHERE trace_id IN (SELECT value FROM json_each(:ids))"
SIZES = f"SELECT trace_id, spans, events FROM motia_trace {_CHOSEN}"
_BRIEFLY = "trace_id, span_id, step, status, start_us, duration_us, seq, brief"
BRIEFS = f"SELECT {_BRIEFLY} FROM motia_span {_CHOSEN} ORDER BY trace_id"
SPANS_OF = f"SELECT {_BRIEFLY}, body FROM motia_span WHERE trace_id = :trace ORDER BY start_us, seq LIMIT :limit"
SUMMARY_OF = "SELECT data FROM motia_trace WHERE trace_id = :trace"
_EVENT = "trace_id, span_id, step, at_us, type, message, seq, data"
EVENTS_OF = f"SELECT {_EVENT} FROM motia_event WHERE trace_id = :trace ORDER BY at_us, seq LIMIT :limit"
SPANS_SINCE = f"SELECT {_BRIEFLY}, body FROM motia_span WHERE seq > :after ORDER BY seq LIMIT :limit"
EVENTS_SINCE = f"SELECT {_EVENT} FROM motia_event WHERE seq > :after ORDER BY seq LIMIT :limit"
RAN = """
SELECT step, status, start_us, duration_us FROM motia_span
WHERE start_us >= :after AND start_us < :before ORDER BY start_us DESC LIMIT :limit
"""
LINKED = f"""
SELECT {_BRIEFLY} FROM motia_span WHERE start_us >= :after AND start_us < :before ORDER BY start_us DESC LIMIT :limit
"""
SENT = """
SELECT target, COUNT(*) FROM motia_event
WHERE type = 'enqueue' AND at_us >= :after AND at_us < :before GROUP BY target
"""
BEYOND = "SELECT start_us, trace_id FROM motia_trace ORDER BY start_us DESC, trace_id DESC LIMIT 1 OFFSET :keep"
OLD = """
SELECT trace_id FROM motia_trace
WHERE start_us < :before OR start_us < :start OR (start_us = :start AND trace_id <= :last)
ORDER BY start_us, trace_id LIMIT :limit
"""
NEWEST = (
    f"SELECT MAX(seq) FROM motia_span {_CHOSEN}",
    f"SELECT MAX(seq) FROM motia_event {_CHOSEN}",
)
FORGET = tuple(f"DELETE FROM {table} {_CHOSEN}" for table in ("motia_span", "motia_event", "motia_trace"))
PRUNED = "UPDATE motia_trace_head SET pruned = :pruned WHERE id = 'all' AND pruned < :pruned"


def list_traces(wanted: TraceFilter, params: dict[str, Any]) -> tuple[str, str]:
    """The statements for a page of traces after ``:start`` and ``:last``, and for their number; fills ``params``."""
    told = [
        ("kind = :kind", "kind", wanted.kind),
        ("status = :status", "status", wanted.status),
        ("duration_us >= :least", "least", wanted.min_us),
        ("start_us >= :after", "after", wanted.after_us),
        ("start_us < :before", "before", wanted.before_us),
    ]
    conditions = _told(told, params)
    for name, word in zip(("word", "another", "third"), wanted_words(wanted), strict=False):
        conditions.append(f"words LIKE :{name} ESCAPE '!'")
        params[name] = _containing(word)
    if wanted.ids is not None:
        conditions.append("trace_id IN (SELECT value FROM json_each(:ids))")
    later = "(start_us < :start OR (start_us = :start AND trace_id < :last))"
    paged = [*conditions, later] if "start" in params else conditions
    page = f"SELECT data FROM motia_trace{_where(paged)} ORDER BY start_us DESC, trace_id DESC LIMIT :limit"
    return page, f"SELECT COUNT(*) FROM motia_trace{_where(conditions)}"


def list_logs(wanted: LogFilter, params: dict[str, Any]) -> str:
    """The statement for a page of log lines after ``:start`` and ``:last``; fills ``params``."""
    told = [
        ("severity >= :severity", "severity", LEVELS.get(wanted.level or "")),
        ("step = :step", "step", wanted.step),
        ("trace_id = :trace", "trace", wanted.trace_id),
        ("at_us >= :after", "after", wanted.after_us),
        ("at_us < :before", "before", wanted.before_us),
    ]
    conditions = ["type = 'log'", *_told(told, params)]
    if wanted.q:
        conditions.append("LOWER(message) LIKE :word ESCAPE '!'")
        params["word"] = _containing(wanted.q.lower())
    if "start" in params:
        conditions.append("(at_us < :start OR (at_us = :start AND seq < :last))")
    return f"SELECT {_EVENT} FROM motia_event{_where(conditions)} ORDER BY at_us DESC, seq DESC LIMIT :limit"


def _told(conditions: Sequence[tuple[str, str, Any]], params: dict[str, Any]) -> list[str]:
    """The conditions that are given, their values in ``params``."""
    given = [(text, name, value) for text, name, value in conditions if value is not None]
    params.update((name, value) for _, name, value in given)
    return [text for text, _, _ in given]


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _containing(word: str) -> str:
    """A pattern of LIKE for what contains a word."""
    return "%" + word.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
