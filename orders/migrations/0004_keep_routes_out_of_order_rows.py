"""Stores an order's route beside its row, not in it.

A row is written seven times in its life and the route, its widest column, once: out of line it is not copied along,
twice as many rows fit on a page, and lease updates find room there (HOT). Applies to rows written from now on.
"""

from django.db import migrations


class Migration(migrations.Migration):
    """Storage parameters only: no rewrite."""

    dependencies = [("orders", "0003_spare_checks_and_indexes")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE orders_order SET (toast_tuple_target = 600)",
            "ALTER TABLE orders_order RESET (toast_tuple_target)",
        ),
        migrations.RunSQL(
            "ALTER TABLE orders_order ALTER COLUMN route SET STORAGE EXTERNAL, ALTER COLUMN terms SET STORAGE MAIN",
            "ALTER TABLE orders_order ALTER COLUMN route SET STORAGE EXTENDED, ALTER COLUMN terms SET STORAGE EXTENDED",
        ),
    ]
