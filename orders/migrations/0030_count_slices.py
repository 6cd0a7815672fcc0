"""Parents say how many of their slices have had their turn: a column that is null in all rows, added in an instant."""

from django.db import migrations, models

from orders.database.short_waits import in_short_waits


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0029_orders_that_wait"),
    ]

    operations = [
        migrations.RunSQL(
            in_short_waits("ALTER TABLE orders_order ADD COLUMN IF NOT EXISTS slices_done integer"),
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddField(
                    "order",
                    "slices_done",
                    models.PositiveIntegerField(
                        null=True, help_text="Of a parent's slices, how many have had their turn."
                    ),
                )
            ],
        ),
        # As Django itself would have made it: a positive field has a check.
        migrations.RunSQL(
            in_short_waits(
                "ALTER TABLE orders_order DROP CONSTRAINT IF EXISTS orders_order_slices_done_check,"
                " ADD CONSTRAINT orders_order_slices_done_check CHECK (slices_done >= 0) NOT VALID"
            ),
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "ALTER TABLE orders_order VALIDATE CONSTRAINT orders_order_slices_done_check", migrations.RunSQL.noop
        ),
    ]
