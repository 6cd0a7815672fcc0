"""Engines on several chains may share the database: claims find the due rows of one chain, heartbeats name theirs.

The indexes are built beside writers, the new ones first: a claim of the version before finds its rows meanwhile, more
slowly. It may be interrupted and begun again: what was left of an index is dropped first. The session's limits of time are
lifted for it, since a large table takes longer than any request may.
"""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

from orders.database.long_statements import lift_limits, restore_limits

STAGES = {
    "route": Q(status__in=("PENDING", "ROUTING")),
    "build": Q(status="BUILDING", tx_hash__isnull=True),
    "submit": Q(status="BUILDING", tx_hash__isnull=False),
    "confirm": Q(status="SUBMITTED"),
}
# Of which chains the engine of this database has signed, each gets the heartbeats that there were for all.
NAME = """
    INSERT INTO orders_heartbeat (name, at, position)
    SELECT h.name || ':' || c.chain_id, h.at, h.position
    FROM orders_heartbeat h CROSS JOIN (SELECT DISTINCT chain_id FROM orders_wallet) c WHERE h.name IN ('upkeep', 'reorg')
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0018_type_the_terms"),
    ]

    operations = [
        migrations.AlterField(
            model_name="heartbeat",
            name="name",
            field=models.CharField(
                help_text="The part, and the chain of its engine.", max_length=128, primary_key=True, serialize=False
            ),
        ),
        migrations.RunSQL(NAME, migrations.RunSQL.noop),
        migrations.RunPython(lift_limits, migrations.RunPython.noop),
        *(
            operation
            for stage, condition in STAGES.items()
            for operation in (
                migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS order_due_{stage}", migrations.RunSQL.noop),
                AddIndexConcurrently(
                    "order", models.Index(fields=("chain_id", "due_at"), condition=condition, name=f"order_due_{stage}")
                ),
            )
        ),
        *(RemoveIndexConcurrently("order", f"order_due_for_{stage}") for stage in STAGES),
        migrations.RunPython(restore_limits, migrations.RunPython.noop),
    ]
