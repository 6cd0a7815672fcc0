"""Receipts hold a route that splits and merges, not parallel legs; those of before are legs and cannot be told apart.

The simulated chain is a development chain: a database from before this migration is started anew (remove `.state`).
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Replaces the column; the tables are small."""

    dependencies = [("simulated", "0001_create_chain")]

    operations = [
        migrations.RemoveField(model_name="chaintransaction", name="legs"),
        migrations.AddField(model_name="chaintransaction", name="route", field=models.JSONField(null=True)),
    ]
