"""Columns and indexes of the same making as those of motia's own SQL backends, on every vendor."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement

from motia.databases.mysql_dialect import KEY_SIZES, LONG_TEXT


class KeyField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Text that is compared byte by byte everywhere, and may be part of any index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        if connection.vendor == "mysql":
            return f"varbinary({KEY_SIZES.get(str(self.column), 255)})"
        return super().db_type(connection)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        found = super().db_parameters(connection)
        return {**found, "collation": "C"} if connection.vendor == "postgresql" else found

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return value.decode() if isinstance(value, bytes) else value


class LongField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Text of any length and all of Unicode, whatever the database was made with."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return LONG_TEXT if connection.vendor == "mysql" else super().db_type(connection)


class StateIndex(models.Index):
    """An index of the deliveries in one state: partial where the vendor has that, led by the state elsewhere."""

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Statement:
        if schema_editor.connection.features.supports_partial_indexes or self.condition is None:
            return super().create_sql(model, schema_editor, using, **kwargs)
        led = any(child[0] == "state" for child in self.condition.children if isinstance(child, tuple))
        fields = (["state"] if led else []) + [order + name for name, order in self.fields_orders_signed()]
        return models.Index(fields=fields, name=self.name).create_sql(model, schema_editor, using, **kwargs)

    def fields_orders_signed(self) -> list[tuple[str, str]]:
        """The fields with ``-`` where they descend."""
        return [(name, "-" if order else "") for name, order in self.fields_orders]
