"""Orders keep what their execution is measured by, and which key placed them: columns that are null in all rows."""

from django.db import migrations, models

from orders.database.short_waits import in_short_waits
from orders.fields import AtomsField


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0033_no_statistics_of_documents"),
    ]

    operations = [
        migrations.RunSQL(
            in_short_waits(
                "ALTER TABLE orders_order ADD COLUMN IF NOT EXISTS placed_key varchar(8),"
                " ADD COLUMN IF NOT EXISTS arrival_amount numeric(78, 0),"
                " ADD COLUMN IF NOT EXISTS saved_amount numeric(78, 0)"
            ),
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddField(
                    "order",
                    "placed_key",
                    models.CharField(
                        max_length=8, null=True, help_text="Prefix of the key that placed it; null: none."
                    ),
                ),
                migrations.AddField(
                    "order",
                    "arrival_amount",
                    AtomsField(
                        null=True,
                        help_text="What its amount was worth at the mid price when it was first quoted; null: not known.",
                    ),
                ),
                migrations.AddField(
                    "order",
                    "saved_amount",
                    AtomsField(
                        null=True,
                        help_text="How much better than the best venue alone it was quoted last; null: not known.",
                    ),
                ),
            ],
        ),
    ]
