"""The tables of the SQL trace store, as versioned steps. A step, once released, is never edited."""

from __future__ import annotations

from motia.databases.migrations import Versions, vacuumed

SCHEMA: Versions = (
    (
        """
        CREATE TABLE motia_trace_head (
            id TEXT PRIMARY KEY,
            seq BIGINT NOT NULL,
            pruned BIGINT NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE motia_trace (
            trace_id TEXT PRIMARY KEY,
            start_us BIGINT NOT NULL,
            duration_us BIGINT,
            kind TEXT NOT NULL,
            status TEXT NOT NULL,
            spans INTEGER NOT NULL,
            events INTEGER NOT NULL,
            words TEXT NOT NULL,
            data TEXT NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX motia_trace_start ON motia_trace (start_us, trace_id)",
        """
        CREATE TABLE motia_span (
            trace_id TEXT NOT NULL,
            span_id TEXT NOT NULL,
            seq BIGINT NOT NULL,
            step TEXT NOT NULL,
            status TEXT NOT NULL,
            start_us BIGINT NOT NULL,
            duration_us BIGINT,
            brief TEXT NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (trace_id, span_id)
        )
        """,
        "CREATE INDEX motia_span_seq ON motia_span (seq)",
        "CREATE INDEX motia_span_start ON motia_span (start_us)",
        """
        CREATE TABLE motia_event (
            seq BIGINT PRIMARY KEY,
            trace_id TEXT NOT NULL,
            span_id TEXT NOT NULL,
            step TEXT NOT NULL,
            at_us BIGINT NOT NULL,
            type TEXT NOT NULL,
            severity INTEGER NOT NULL,
            target TEXT,
            message TEXT,
            data TEXT NOT NULL
        )
        """,
        "CREATE INDEX motia_event_trace ON motia_event (trace_id, at_us)",
        "CREATE INDEX motia_event_time ON motia_event (type, at_us, seq)",
        vacuumed("motia_trace_head"),
        vacuumed("motia_trace"),
        vacuumed("motia_span"),
        vacuumed("motia_event"),
    ),
)
