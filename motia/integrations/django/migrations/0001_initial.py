"""The tables of motia. They are made by motia's own statements; the models are told what they are."""

from __future__ import annotations

from django.db import migrations, models

from motia.integrations.django.fields import KeyField, LongField, StateIndex
from motia.integrations.django.schema import RunRelease

LOCK_TABLE = "CREATE TABLE IF NOT EXISTS motia_lock (slot INTEGER PRIMARY KEY)"


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        RunRelease("queue", 1, tables=["motia_subscription", "motia_delivery", "motia_dedupe", "motia_schedule"]),
        RunRelease("state", 1, tables=["motia_state"]),
        RunRelease("queue", 2, tables=["motia_lock"], beside=[LOCK_TABLE]),
        RunRelease("state", 2),
        RunRelease("streams", 1, tables=["motia_stream_item", "motia_stream_head", "motia_stream_log"]),
        RunRelease("outbox", 1, tables=["motia_outbox", "motia_relay"]),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Dedupe",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "topic", "dedupe_key", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("topic", KeyField()),
                        ("dedupe_key", KeyField()),
                        ("message_id", KeyField()),
                        ("expires_at", models.FloatField()),
                    ],
                    options={
                        "db_table": "motia_dedupe",
                    },
                ),
                migrations.CreateModel(
                    name="Lock",
                    fields=[
                        ("slot", models.IntegerField(primary_key=True, serialize=False)),
                    ],
                    options={
                        "db_table": "motia_lock",
                    },
                ),
                migrations.CreateModel(
                    name="OutboxMessage",
                    fields=[
                        ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                        ("message_id", KeyField()),
                        ("payload", LongField()),
                        ("created_at", models.FloatField()),
                    ],
                    options={
                        "db_table": "motia_outbox",
                    },
                ),
                migrations.CreateModel(
                    name="Relay",
                    fields=[
                        ("id", KeyField(primary_key=True, serialize=False)),
                        ("owner", KeyField()),
                        ("lease_until", models.FloatField()),
                    ],
                    options={
                        "db_table": "motia_relay",
                    },
                ),
                migrations.CreateModel(
                    name="Schedule",
                    fields=[
                        ("id", KeyField(primary_key=True, serialize=False)),
                        ("last_tick", models.FloatField()),
                        ("paused", models.IntegerField(db_default=0, default=0)),
                    ],
                    options={
                        "db_table": "motia_schedule",
                    },
                ),
                migrations.CreateModel(
                    name="StreamHead",
                    fields=[
                        ("stream", KeyField(primary_key=True, serialize=False)),
                        ("seq", models.BigIntegerField()),
                        ("stamp", models.FloatField()),
                        ("born", models.FloatField()),
                    ],
                    options={
                        "db_table": "motia_stream_head",
                    },
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                        ("message_id", KeyField()),
                        ("subscription_id", KeyField()),
                        ("topic", KeyField()),
                        ("payload", LongField()),
                        ("traceparent", KeyField()),
                        ("state", KeyField()),
                        ("priority", models.IntegerField(db_default=0, default=0)),
                        ("fifo_key", KeyField(blank=True, null=True)),
                        ("due_at", models.FloatField()),
                        ("created_at", models.FloatField()),
                        ("attempt", models.IntegerField(db_default=0, default=0)),
                        ("crashes", models.IntegerField(db_default=0, default=0)),
                        ("token", models.IntegerField(db_default=0, default=0)),
                        ("owner", KeyField(blank=True, null=True)),
                        ("boot", KeyField(blank=True, null=True)),
                        ("lease_until", models.FloatField(blank=True, null=True)),
                        ("deadline", models.FloatField(blank=True, null=True)),
                        ("cancel_requested", models.IntegerField(db_default=0, default=0)),
                        ("reason", KeyField(blank=True, null=True)),
                        ("error", LongField(blank=True, null=True)),
                        ("dead_at", models.FloatField(blank=True, null=True)),
                        ("parked_at", models.FloatField(blank=True, null=True)),
                    ],
                    options={
                        "verbose_name_plural": "deliveries",
                        "db_table": "motia_delivery",
                        "indexes": [
                            StateIndex(
                                condition=models.Q(("state", "ready")),
                                fields=["subscription_id", "-priority", "seq"],
                                name="motia_delivery_ready",
                            ),
                            StateIndex(
                                condition=models.Q(("state", "suspect")),
                                fields=["subscription_id", "crashes", "-priority", "seq"],
                                name="motia_delivery_suspect",
                            ),
                            StateIndex(
                                condition=models.Q(("state", "scheduled")), fields=["due_at"], name="motia_delivery_due"
                            ),
                            StateIndex(
                                condition=models.Q(("state", "running")),
                                fields=["subscription_id", "owner"],
                                name="motia_delivery_running",
                            ),
                            StateIndex(
                                condition=models.Q(("state", "dead")), fields=["dead_at"], name="motia_delivery_dead"
                            ),
                            StateIndex(
                                condition=models.Q(("fifo_key__isnull", False)),
                                fields=["subscription_id", "fifo_key", "seq"],
                                name="motia_delivery_fifo",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("message_id", "subscription_id"), name="motia_delivery_message"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DeadLetter",
                    fields=[],
                    options={
                        "verbose_name": "dead letter",
                        "proxy": True,
                        "indexes": [],
                        "constraints": [],
                    },
                    bases=("motia.delivery",),
                ),
                migrations.CreateModel(
                    name="StateValue",
                    fields=[
                        ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                        ("group_id", KeyField()),
                        ("item_key", KeyField()),
                        ("value", LongField()),
                        ("expires_at", models.FloatField(blank=True, null=True)),
                    ],
                    options={
                        "db_table": "motia_state",
                        "indexes": [
                            StateIndex(
                                condition=models.Q(("expires_at__isnull", False)),
                                fields=["expires_at"],
                                name="motia_state_expiry",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("group_id", "item_key"), name="motia_state_key")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StreamEntry",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "stream", "seq", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("stream", KeyField()),
                        ("seq", models.BigIntegerField()),
                        ("stamp", models.FloatField()),
                        ("group_id", KeyField()),
                        ("item_id", KeyField(blank=True, null=True)),
                        ("kind", KeyField()),
                        ("data", LongField()),
                    ],
                    options={
                        "db_table": "motia_stream_log",
                        "indexes": [models.Index(fields=["stamp"], name="motia_stream_log_age")],
                    },
                ),
                migrations.CreateModel(
                    name="StreamItem",
                    fields=[
                        ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                        ("group_id", KeyField()),
                        ("item_key", KeyField()),
                        ("value", LongField()),
                        ("expires_at", models.FloatField(blank=True, null=True)),
                    ],
                    options={
                        "db_table": "motia_stream_item",
                        "indexes": [
                            StateIndex(
                                condition=models.Q(("expires_at__isnull", False)),
                                fields=["expires_at"],
                                name="motia_stream_item_expiry",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("group_id", "item_key"), name="motia_stream_item_key")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Subscription",
                    fields=[
                        ("id", KeyField(primary_key=True, serialize=False)),
                        ("topic", KeyField()),
                        ("step", KeyField()),
                        ("scope_group", KeyField(blank=True, null=True)),
                        ("scope_key", KeyField(blank=True, null=True)),
                        ("fifo", models.IntegerField(db_default=0, default=0)),
                        ("delay", models.FloatField(db_default=0, default=0)),
                        ("concurrency", models.IntegerField(blank=True, null=True)),
                        ("timeout", models.FloatField(db_default=900, default=900)),
                        ("paused", models.IntegerField(db_default=0, default=0)),
                    ],
                    options={
                        "db_table": "motia_subscription",
                        "indexes": [models.Index(fields=["topic"], name="motia_subscription_topic")],
                    },
                ),
            ]
        ),
    )
