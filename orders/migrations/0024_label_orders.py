"""The tags of orders that have ended get rows of their own, by which lists find them.

A new table, and two triggers of the table of orders, which is locked for the instant of a catalogue change. The orders
that have ended before are noted by the migration that follows.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0023_say_waits_for_funds"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrderLabel",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "order_id", "label", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="labels",
                        to="orders.order",
                    ),
                ),
                (
                    "label",
                    models.TextField(help_text="Length of the name, the name, and the value, as `label_of` writes it."),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orders.account",
                    ),
                ),
                ("created_at", models.DateTimeField(help_text="The order's.")),
                ("token_in", models.CharField(max_length=32)),
                ("token_out", models.CharField(max_length=32)),
                ("outcome", models.CharField(max_length=32)),
            ],
            options={"ordering": ("order", "label")},
        ),
        migrations.AddIndex(
            model_name="orderlabel",
            index=models.Index(
                condition=models.Q(("outcome", "filled")),
                fields=["account", "label", "created_at", "order"],
                name="label_filled",
            ),
        ),
        migrations.AddIndex(
            model_name="orderlabel",
            index=models.Index(
                condition=models.Q(("outcome", "filled")),
                fields=["account", "label", "token_in", "token_out", "created_at", "order"],
                name="label_filled_by_pair",
            ),
        ),
        migrations.AddIndex(
            model_name="orderlabel",
            index=models.Index(
                condition=models.Q(models.Q(("outcome", "filled"), _negated=True), ("outcome__isnull", False)),
                fields=["account", "label", "created_at", "order"],
                name="label_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="orderlabel",
            index=models.Index(
                condition=models.Q(models.Q(("outcome", "filled"), _negated=True), ("outcome__isnull", False)),
                fields=["account", "label", "token_in", "token_out", "created_at", "order"],
                name="label_failed_by_pair",
            ),
        ),
        migrations.AddIndex(
            model_name="orderlabel",
            index=models.Index(
                condition=models.Q(models.Q(("outcome", "filled"), _negated=True), ("outcome__isnull", False)),
                fields=["account", "label", "outcome", "created_at", "order"],
                name="label_failed_by_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="orderlabel",
            index=models.Index(
                condition=models.Q(models.Q(("outcome", "filled"), _negated=True), ("outcome__isnull", False)),
                fields=["account", "label", "outcome", "token_in", "token_out", "created_at", "order"],
                name="label_failed_by_both",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="order_label_inserted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.outcome IS NOT NULL AND jsonb_typeof(NEW.terms -> 'tags') = 'object' AND NEW.terms -> 'tags' <> '{}'::jsonb)",
                    func="\n        INSERT INTO orders_orderlabel (order_id, label, account_id, created_at, token_in, token_out, outcome)\n        SELECT NEW.id, v.label, NEW.account_id, NEW.created_at, NEW.token_in, NEW.token_out, NEW.outcome\n        FROM jsonb_each_text(NEW.terms -> 'tags') AS t(name, value)\n        CROSS JOIN LATERAL (VALUES\n            (length(t.name) || ':' || t.name), (length(t.name) || ':' || t.name || ':' || t.value)\n        ) AS v(label)\n        WHERE length(v.label) <= 200\n        ON CONFLICT DO NOTHING;\n        RETURN NULL;\n    ",
                    hash="86a8a89f79e5cc916abcb2ce35a1cb47b28dbc37",
                    operation="INSERT",
                    pgid="pgtrigger_order_label_inserted_3026f",
                    table="orders_order",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="order_label_ended",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.outcome IS NULL AND NEW.outcome IS NOT NULL AND jsonb_typeof(NEW.terms -> 'tags') = 'object' AND NEW.terms -> 'tags' <> '{}'::jsonb)",
                    func="\n        INSERT INTO orders_orderlabel (order_id, label, account_id, created_at, token_in, token_out, outcome)\n        SELECT NEW.id, v.label, NEW.account_id, NEW.created_at, NEW.token_in, NEW.token_out, NEW.outcome\n        FROM jsonb_each_text(NEW.terms -> 'tags') AS t(name, value)\n        CROSS JOIN LATERAL (VALUES\n            (length(t.name) || ':' || t.name), (length(t.name) || ':' || t.name || ':' || t.value)\n        ) AS v(label)\n        WHERE length(v.label) <= 200\n        ON CONFLICT DO NOTHING;\n        RETURN NULL;\n    ",
                    hash="76df37280b681edd7860b5c260aa0cf9ad5bb5dc",
                    operation="UPDATE",
                    pgid="pgtrigger_order_label_ended_a8192",
                    table="orders_order",
                    when="AFTER",
                ),
            ),
        ),
    ]
