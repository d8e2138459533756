from __future__ import annotations

from django.db import migrations, models

from motia.integrations.django.schema import RunRelease


class Migration(migrations.Migration):
    dependencies = (("motia", "0003_traces"),)
    operations = (
        RunRelease("queue", 3, back=["ALTER TABLE motia_subscription DROP COLUMN blocks"]),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="subscription",
                    name="blocks",
                    field=models.IntegerField(db_default=0, default=0),
                ),
            ]
        ),
    )
