"""Prices of pairs in buckets, for charts; and an index of orders that were filled long after they were placed.

The index is built beside writers. The migration may be interrupted and begun again.
"""

from datetime import timedelta

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThan

from orders.database.long_statements import lift_limits, restore_limits

IN_ORDER = models.CheckConstraint(
    condition=Q(low__gt=0, first__gte=F("low"), last__gte=F("low"), high__gte=F("first")) & Q(high__gte=F("last")),
    name="price_bucket_in_order",
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0037_people"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE IF NOT EXISTS orders_pricebucket (
                chain_id varchar(64) NOT NULL,
                token_in varchar(32) NOT NULL,
                token_out varchar(32) NOT NULL,
                span_s integer NOT NULL CONSTRAINT orders_pricebucket_span_s_check CHECK (span_s >= 0),
                at timestamptz NOT NULL,
                first numeric(120, 60) NOT NULL,
                low numeric(120, 60) NOT NULL,
                high numeric(120, 60) NOT NULL,
                last numeric(120, 60) NOT NULL,
                PRIMARY KEY (chain_id, token_in, token_out, span_s, at),
                CONSTRAINT price_bucket_in_order CHECK (
                    first >= low AND last >= low AND low > 0 AND high >= first AND high >= last)
            );
            CREATE INDEX IF NOT EXISTS price_bucket_by_age ON orders_pricebucket (span_s, at)
            """,
            "DROP TABLE IF EXISTS orders_pricebucket",
            state_operations=[
                migrations.CreateModel(
                    name="PriceBucket",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                *("chain_id", "token_in", "token_out", "span_s", "at"),
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("chain_id", models.CharField(max_length=64)),
                        ("token_in", models.CharField(max_length=32)),
                        ("token_out", models.CharField(max_length=32)),
                        ("span_s", models.PositiveIntegerField()),
                        ("at", models.DateTimeField()),
                        ("first", models.DecimalField(max_digits=120, decimal_places=60)),
                        ("low", models.DecimalField(max_digits=120, decimal_places=60)),
                        ("high", models.DecimalField(max_digits=120, decimal_places=60)),
                        ("last", models.DecimalField(max_digits=120, decimal_places=60)),
                    ],
                    options={
                        "ordering": ("chain_id", "token_in", "token_out", "span_s", "at"),
                        "constraints": [IN_ORDER],
                        "indexes": [models.Index(fields=("span_s", "at"), name="price_bucket_by_age")],
                    },
                ),
            ],
        ),
        migrations.RunPython(lift_limits, migrations.RunPython.noop),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_filled_late", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=("account", "token_in", "token_out", "updated_at"),
                condition=Q(outcome="filled") & Q(GreaterThan(F("updated_at") - F("created_at"), timedelta(minutes=1))),
                name="order_filled_late",
            ),
        ),
        migrations.RunPython(restore_limits, migrations.RunPython.noop),
    ]
