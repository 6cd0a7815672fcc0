"""Orders may wait for funds of their wallet: only the words of the column say so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0022_find_counted_fees"),
    ]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="waiting_for",
            field=models.CharField(
                help_text="What it could not be tried for: chain, fees or funds; empty: nothing.",
                max_length=16,
                null=True,
            ),
        ),
    ]
