"""The markets that orders were routed on, receipts, and the keys that sign them: new tables, which nothing waits for."""

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0034_measure_executions"),
    ]

    operations = [
        migrations.CreateModel(
            name="MarketRecord",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("series", models.UUIDField(editable=False, help_text="A UUIDv7: old series are found by it.")),
                ("number", models.IntegerField(editable=False)),
                ("body", models.BinaryField()),
            ],
            options={
                "ordering": ("series", "number"),
            },
        ),
        migrations.CreateModel(
            name="ReceiptKey",
            fields=[
                (
                    "key_id",
                    models.CharField(
                        help_text="Its RFC 7638 thumbprint.", max_length=64, primary_key=True, serialize=False
                    ),
                ),
                ("public", models.CharField(help_text="The 32 bytes of an Ed25519 key, base64url.", max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("retired_at", models.DateTimeField(help_text="Signs nothing since then.", null=True)),
            ],
            options={
                "ordering": ("created_at", "key_id"),
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("order_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("document", models.TextField(editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
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
                (
                    "key",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orders.receiptkey",
                    ),
                ),
            ],
            options={
                "ordering": ("order_id",),
            },
        ),
        # Compressed before it comes, and nothing is searched in it.
        migrations.RunSQL(
            "ALTER TABLE orders_marketrecord ALTER COLUMN body SET STORAGE EXTERNAL,"
            " ALTER COLUMN body SET STATISTICS 0;"
            # A record of a lone order stays in its row.
            " ALTER TABLE orders_marketrecord SET (toast_tuple_target = 8160)",
            migrations.RunSQL.noop,
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="receiptkey",
            trigger=pgtrigger.compiler.Trigger(
                name="receipt_key_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="f5cb3c23bd18d9399a63c1327ce2b41218318efd",
                    operation="DELETE",
                    pgid="pgtrigger_receipt_key_not_deletable_247b8",
                    table="orders_receiptkey",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="receiptkey",
            trigger=pgtrigger.compiler.Trigger(
                name="receipt_key_as_published",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."key_id" IS DISTINCT FROM (NEW."key_id") OR OLD."public" IS DISTINCT FROM (NEW."public") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="8f393eb39118c53299650ec650587d165c7f5675",
                    operation="UPDATE",
                    pgid="pgtrigger_receipt_key_as_published_d60df",
                    table="orders_receiptkey",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="receipt",
            trigger=pgtrigger.compiler.Trigger(
                name="receipt_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="99bee815b61e50d5a2131022e10e8ea3968b70e3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_receipt_append_only_4af7a",
                    table="orders_receipt",
                    when="BEFORE",
                ),
            ),
        ),
    ]
