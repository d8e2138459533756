"""A migration's operation that runs a released version of the SQL schema, in the words of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from motia.databases.migrations import schema_for
from motia.databases.mysql_dialect import compile_statement
from motia.integrations.django.connections import DIALECTS
from motia.queues.outbox import SCHEMA as OUTBOX
from motia.queues.schema import SCHEMA as QUEUE
from motia.stores.sql import SCHEMA as STATE
from motia.streams.sql import SCHEMA as STREAMS
from motia.traces.schema import SCHEMA as TRACES

_PARTS = {"queue": QUEUE, "state": STATE, "streams": STREAMS, "outbox": OUTBOX, "traces": TRACES}


class RunRelease(Operation):
    """Bring one part of the schema from one released version to the next.

    Args:
        part: ``queue``, ``state``, ``streams``, ``outbox`` or ``traces``.
        version: which; counted from 1.
        tables: those that it makes, for the way back.
        beside: statements of this project alone, as ours are written: every model has a table, on every vendor.
        back: statements for the way back, where it is not a table that goes.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(
        self,
        part: str,
        version: int,
        tables: Sequence[str] = (),
        beside: Sequence[str] = (),
        back: Sequence[str] = (),
    ) -> None:
        self.part = part
        self.version = version
        self.tables = tables
        self.beside = beside
        self.back = back

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models are told by the operations beside this one."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        if not _allowed(app_label, schema_editor):
            return
        vendor = schema_editor.connection.vendor
        release = schema_for(_PARTS[self.part], DIALECTS[vendor])[self.version - 1]
        for statement in (*release, *self.beside):
            schema_editor.execute(compile_statement(statement).act if vendor == "mysql" else statement, None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        if _allowed(app_label, schema_editor):
            for statement in (*self.back, *(f"DROP TABLE {table}" for table in self.tables)):
                schema_editor.execute(statement, None)

    def describe(self) -> str:
        return f"Version {self.version} of the {self.part} tables"


def _allowed(app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> bool:
    return bool(router.allow_migrate(schema_editor.connection.alias, app_label))
