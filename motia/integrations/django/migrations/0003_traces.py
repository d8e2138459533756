from __future__ import annotations

from django.db import migrations, models

from motia.integrations.django.fields import KeyField, LongField
from motia.integrations.django.schema import RunRelease


class Migration(migrations.Migration):
    dependencies = (("motia", "0002_handled"),)
    operations = (
        RunRelease("traces", 1, tables=["motia_event", "motia_span", "motia_trace", "motia_trace_head"]),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="TraceHead",
                    fields=[
                        ("id", KeyField(primary_key=True, serialize=False)),
                        ("seq", models.BigIntegerField()),
                        ("pruned", models.BigIntegerField()),
                    ],
                    options={"db_table": "motia_trace_head"},
                ),
                migrations.CreateModel(
                    name="Trace",
                    fields=[
                        ("trace_id", KeyField(primary_key=True, serialize=False)),
                        ("start_us", models.BigIntegerField()),
                        ("duration_us", models.BigIntegerField(blank=True, null=True)),
                        ("kind", KeyField()),
                        ("status", KeyField()),
                        ("spans", models.IntegerField()),
                        ("events", models.IntegerField()),
                        ("words", LongField()),
                        ("data", LongField()),
                    ],
                    options={
                        "db_table": "motia_trace",
                        "indexes": [models.Index(fields=["start_us", "trace_id"], name="motia_trace_start")],
                    },
                ),
                migrations.CreateModel(
                    name="Span",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "trace_id", "span_id", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("trace_id", KeyField()),
                        ("span_id", KeyField()),
                        ("seq", models.BigIntegerField()),
                        ("step", KeyField()),
                        ("status", KeyField()),
                        ("start_us", models.BigIntegerField()),
                        ("duration_us", models.BigIntegerField(blank=True, null=True)),
                        ("brief", LongField()),
                        ("body", LongField()),
                    ],
                    options={
                        "db_table": "motia_span",
                        "indexes": [
                            models.Index(fields=["seq"], name="motia_span_seq"),
                            models.Index(fields=["start_us"], name="motia_span_start"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("trace_id", KeyField()),
                        ("span_id", KeyField()),
                        ("step", KeyField()),
                        ("at_us", models.BigIntegerField()),
                        ("type", KeyField()),
                        ("severity", models.IntegerField()),
                        ("target", KeyField(blank=True, null=True)),
                        ("message", LongField(blank=True, null=True)),
                        ("data", LongField()),
                    ],
                    options={
                        "db_table": "motia_event",
                        "indexes": [
                            models.Index(fields=["trace_id", "at_us"], name="motia_event_trace"),
                            models.Index(fields=["type", "at_us", "seq"], name="motia_event_time"),
                        ],
                    },
                ),
            ]
        ),
    )
