from __future__ import annotations

from django.db import migrations, models

from motia.integrations.django.fields import KeyField
from motia.integrations.django.schema import RunRelease


class Migration(migrations.Migration):
    dependencies = (("motia", "0001_initial"),)
    operations = (
        RunRelease("outbox", 2, tables=["motia_handled"]),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Handled",
                    fields=[
                        ("delivery_id", KeyField(primary_key=True, serialize=False)),
                        ("token", models.IntegerField()),
                        ("handled_at", models.FloatField()),
                    ],
                    options={
                        "db_table": "motia_handled",
                        "indexes": [models.Index(fields=["handled_at"], name="motia_handled_age")],
                    },
                ),
            ]
        ),
    )
