"""Leaves room in the pages of the tables that are updated several times per order.

An order's row is written about eight times in its life; claims change no indexed column, so with free space
beside the old row they need no index writes (HOT updates). Locks the tables for the instant of a catalogue change.
"""

from django.db import migrations


class Migration(migrations.Migration):
    """Storage parameters only: no rewrite, applies to pages filled from now on."""

    dependencies = [("orders", "0001_create_orders")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE orders_order SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05)",
            "ALTER TABLE orders_order RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE orders_signedtransaction SET (fillfactor = 80)",
            "ALTER TABLE orders_signedtransaction RESET (fillfactor)",
        ),
    ]
