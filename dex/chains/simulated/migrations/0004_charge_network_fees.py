"""Receipts say what a block took for the transaction; those of before took nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column with a default: no row is rewritten."""

    dependencies = [("simulated", "0003_allow_replacements_and_reorgs")]

    operations = [
        migrations.AddField(
            "chaintransaction",
            "fee_paid",
            models.BigIntegerField(db_default=0, help_text="Atoms of the native token that its block took."),
        ),
    ]
