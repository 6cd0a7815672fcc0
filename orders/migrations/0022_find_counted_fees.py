"""The index that a day's counted fees are compared by. Built beside writers: it may be interrupted and begun again."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from orders.database.long_statements import lift_limits, restore_limits

NAME = "order_by_counted_fee"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0021_remember_network_fees"),
    ]

    operations = [
        # A large table takes longer than any request may.
        migrations.RunPython(lift_limits, migrations.RunPython.noop),
        # What an interrupted run has left of it.
        migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("counted_fee__isnull", False)), fields=["account", "counted_day"], name=NAME
            ),
        ),
        migrations.RunPython(restore_limits, migrations.RunPython.noop),
    ]
