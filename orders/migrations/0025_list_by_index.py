"""Lists find orders by index with every combination of filters, and operators find theirs; tags of before are noted.

The indexes are built beside writers, those that are no longer used go at the end: lists of the version before find their
rows meanwhile. It may be interrupted and begun again: what was left of an index is dropped first, and what was noted of
tags stays. The session's limits of time are lifted for it, since a large table takes longer than any request may.
"""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

from orders.database.long_statements import lift_limits, restore_limits

FILLED, FAILED = Q(outcome="filled"), Q(~Q(outcome="filled"), outcome__isnull=False)
PAIR = ["token_in", "token_out"]
ACTS = ~Q(action="transaction.sign")
INDEXES = [
    ("order", ["account", "created_at", "id"], Q(outcome__isnull=True), "order_open"),
    ("order", ["account", "created_at", "id"], FILLED, "order_filled"),
    ("order", ["account", *PAIR, "created_at", "id"], FILLED, "order_filled_by_pair"),
    ("order", ["account", "created_at", "id"], FAILED, "order_failed"),
    ("order", ["account", *PAIR, "created_at", "id"], FAILED, "order_failed_by_pair"),
    ("order", ["account", "outcome", "created_at", "id"], FAILED, "order_failed_by_outcome"),
    ("order", ["account", "outcome", *PAIR, "created_at", "id"], FAILED, "order_failed_by_both"),
    ("order", ["id"], FAILED, "order_failed_of_all"),
    ("order", ["outcome", "id"], FAILED, "order_outcome_of_all"),
    ("order", ["id"], Q(parked_at__isnull=False), "order_parked"),
    ("auditentry", ["subject", "id"], ACTS, "audit_acts_by_subject"),
    ("auditentry", ["actor", "id"], ACTS, "audit_acts_by_actor"),
    ("auditentry", ["action", "id"], ACTS, "audit_acts_by_action"),
]
OWN_ID = "order_client_id_unique"
ORDERS_AT_ONCE = 10_000
# What the trigger does with orders that end from now on.
NOTE = """
    WITH batch AS MATERIALIZED (SELECT * FROM orders_order WHERE id > %s ORDER BY id LIMIT %s), noted AS (
        INSERT INTO orders_orderlabel (order_id, label, account_id, created_at, token_in, token_out, outcome)
        SELECT o.id, v.label, o.account_id, o.created_at, o.token_in, o.token_out, o.outcome
        FROM batch o
        CROSS JOIN LATERAL jsonb_each_text(
            CASE WHEN jsonb_typeof(o.terms -> 'tags') = 'object' THEN o.terms -> 'tags' ELSE '{}' END
        ) AS t(name, value)
        CROSS JOIN LATERAL (VALUES
            (length(t.name) || ':' || t.name), (length(t.name) || ':' || t.name || ':' || t.value)
        ) AS v(label)
        WHERE o.outcome IS NOT NULL AND length(v.label) <= 200
        ON CONFLICT DO NOTHING
    ) SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def note_tags(apps: Any, schema_editor: Any) -> None:
    """Of the orders that have ended so far, some at a time."""
    last = "00000000-0000-0000-0000-000000000000"
    while last is not None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(NOTE, [last, ORDERS_AT_ONCE])
            last = (cursor.fetchone() or [None])[0]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0024_label_orders"),
    ]

    operations = [
        migrations.RunPython(lift_limits, migrations.RunPython.noop),
        migrations.RunPython(note_tags, migrations.RunPython.noop),
        *(
            operation
            for model, fields, condition, name in INDEXES
            for operation in (
                migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", migrations.RunSQL.noop),
                AddIndexConcurrently(model, models.Index(fields=fields, condition=condition, name=name)),
            )
        ),
        migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {OWN_ID}", migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY {OWN_ID} ON orders_order (client_order_id, account_id)"
                    " WHERE client_order_id IS NOT NULL",
                    migrations.RunSQL.noop,
                ),
                # Only now: at no moment is an id without its index.
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS order_client_order_id_unique", migrations.RunSQL.noop
                ),
            ],
            [
                migrations.RemoveConstraint("order", "order_client_order_id_unique"),
                migrations.AddConstraint(
                    "order",
                    models.UniqueConstraint(
                        fields=("client_order_id", "account"), condition=Q(client_order_id__isnull=False), name=OWN_ID
                    ),
                ),
            ],
        ),
        RemoveIndexConcurrently("order", "order_by_account"),
        RemoveIndexConcurrently("auditentry", "audit_by_subject"),
        migrations.RunPython(restore_limits, migrations.RunPython.noop),
    ]
