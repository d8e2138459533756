"""The tables of the SQL queue, as versioned steps. A step, once released, is never edited."""

from __future__ import annotations

from motia.databases.migrations import LOCKS, Versions, vacuumed

SCHEMA: Versions = (
    (
        """
        CREATE TABLE motia_subscription (
            id TEXT PRIMARY KEY,
            topic TEXT NOT NULL,
            step TEXT NOT NULL,
            scope_group TEXT,
            scope_key TEXT,
            fifo INTEGER NOT NULL DEFAULT 0,
            delay REAL NOT NULL DEFAULT 0,
            concurrency INTEGER,
            timeout REAL NOT NULL DEFAULT 900,
            paused INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID
        """,
        "CREATE INDEX motia_subscription_topic ON motia_subscription (topic)",
        """
        CREATE TABLE motia_delivery (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            message_id TEXT NOT NULL,
            subscription_id TEXT NOT NULL,
            topic TEXT NOT NULL,
            payload TEXT NOT NULL,
            traceparent TEXT NOT NULL,
            state TEXT NOT NULL,
            priority INTEGER NOT NULL DEFAULT 0,
            fifo_key TEXT,
            due_at REAL NOT NULL,
            created_at REAL NOT NULL,
            attempt INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            token INTEGER NOT NULL DEFAULT 0,
            owner TEXT,
            boot TEXT,
            lease_until REAL,
            deadline REAL,
            cancel_requested INTEGER NOT NULL DEFAULT 0,
            reason TEXT,
            error TEXT,
            dead_at REAL,
            parked_at REAL,
            UNIQUE (message_id, subscription_id)
        )
        """,
        # One index per state: SQLite does not see that `state = 'ready'` implies `state IN ('ready', 'suspect')`.
        """
        CREATE INDEX motia_delivery_ready ON motia_delivery (subscription_id, priority DESC, seq)
            WHERE state = 'ready'
        """,
        """
        CREATE INDEX motia_delivery_suspect ON motia_delivery (subscription_id, crashes, priority DESC, seq)
            WHERE state = 'suspect'
        """,
        "CREATE INDEX motia_delivery_due ON motia_delivery (due_at) WHERE state = 'scheduled'",
        "CREATE INDEX motia_delivery_running ON motia_delivery (subscription_id, owner) WHERE state = 'running'",
        "CREATE INDEX motia_delivery_dead ON motia_delivery (dead_at) WHERE state = 'dead'",
        """
        CREATE INDEX motia_delivery_fifo ON motia_delivery (subscription_id, fifo_key, seq)
            WHERE fifo_key IS NOT NULL
        """,
        """
        CREATE TABLE motia_dedupe (
            topic TEXT NOT NULL,
            dedupe_key TEXT NOT NULL,
            message_id TEXT NOT NULL,
            expires_at REAL NOT NULL,
            PRIMARY KEY (topic, dedupe_key)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE motia_schedule (
            id TEXT PRIMARY KEY,
            last_tick REAL NOT NULL,
            paused INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID
        """,
    ),
    (vacuumed("motia_delivery"), vacuumed("motia_dedupe"), vacuumed("motia_schedule"), LOCKS),
    # Where a process of an earlier version serves the subscription, it goes on past dead letters, as it always did.
    ("ALTER TABLE motia_subscription ADD COLUMN blocks INTEGER NOT NULL DEFAULT 0",),
)
