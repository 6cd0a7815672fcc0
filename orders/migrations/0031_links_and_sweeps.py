"""Of linked orders one executes at a time, and an index finds those that are due; a switch that fired sweeps in batches.

Indexes are built beside writers. It may be interrupted and begun again.
"""

from datetime import UTC, datetime

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

from orders.database.long_statements import lift_limits, restore_limits

IN_STAGES = ("ROUTING", "BUILDING", "SUBMITTED")
ONE_IN_TURN = models.UniqueConstraint(
    fields=("link_id", "link_rank"),
    condition=Q(link_id__isnull=False) & Q(status__in=(*IN_STAGES, "CONFIRMED")),
    name="order_one_in_turn",
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0030_count_slices"),
    ]

    operations = [
        migrations.RunPython(lift_limits, migrations.RunPython.noop),
        migrations.RunSQL(
            "ALTER TABLE orders_deadmansswitch ADD COLUMN IF NOT EXISTS sweep_before timestamptz",
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddField("deadmansswitch", "sweep_before", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RunSQL(
            "CREATE INDEX IF NOT EXISTS dead_mans_switch_sweeps ON orders_deadmansswitch (account_id)"
            " WHERE sweep_before IS NOT NULL",
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddIndex(
                    "deadmansswitch",
                    models.Index(
                        fields=("account",), condition=Q(sweep_before__isnull=False), name="dead_mans_switch_sweeps"
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            "order",
            "link_rank",
            models.SmallIntegerField(
                null=True,
                help_text="Of those of one rank one executes; the next rank is placed when it has filled. From 0.",
            ),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_link_due", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=("chain_id", "due_at"),
                condition=Q(link_id__isnull=False, due_at__lt=datetime(9000, 1, 1, tzinfo=UTC))
                & ~Q(status__in=IN_STAGES),
                name="order_link_due",
            ),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_one_in_turn", migrations.RunSQL.noop),
        migrations.RunSQL(
            "CREATE UNIQUE INDEX CONCURRENTLY order_one_in_turn ON orders_order (link_id, link_rank)"
            " WHERE link_id IS NOT NULL AND status IN ('ROUTING', 'BUILDING', 'SUBMITTED', 'CONFIRMED')",
            "DROP INDEX CONCURRENTLY IF EXISTS order_one_in_turn",
            state_operations=[migrations.AddConstraint("order", ONE_IN_TURN)],
        ),
        migrations.RunPython(restore_limits, migrations.RunPython.noop),
    ]
