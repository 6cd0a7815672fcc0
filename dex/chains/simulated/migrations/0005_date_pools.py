"""Pools say when they were opened; those of the genesis, and all of before, are of unknown age."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column without a default: no row is rewritten."""

    dependencies = [("simulated", "0004_charge_network_fees")]

    operations = [
        migrations.AddField(
            "poolstate",
            "born_at",
            models.DateTimeField(null=True, help_text="When its block was made; null: with the genesis."),
        ),
    ]
