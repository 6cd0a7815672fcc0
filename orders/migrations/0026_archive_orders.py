"""Tables that tell which orders have left for archive files; a column of wallets, with a constant: no table is rewritten."""

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import orders.fields


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0025_list_by_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="ArchiveFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=128, unique=True)),
                ("month", models.DateField(help_text="First day of the month in which its orders were placed (UTC).")),
                ("order_count", models.PositiveBigIntegerField()),
                ("event_count", models.PositiveBigIntegerField()),
                ("size", models.PositiveBigIntegerField(help_text="Bytes.")),
                ("sha256", models.CharField(max_length=64)),
                (
                    "sealed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "emptied_at",
                    models.DateTimeField(help_text="When the last of its orders had left the tables.", null=True),
                ),
            ],
            options={
                "ordering": ("month", "id"),
            },
        ),
        migrations.CreateModel(
            name="ArchivedOrder",
            fields=[
                ("order_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("client_order_id", models.CharField(max_length=64, null=True)),
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
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orders.archivefile",
                    ),
                ),
            ],
            options={
                "ordering": ("order_id",),
            },
        ),
        migrations.CreateModel(
            name="ArchivedEvents",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="orders.account",
                    ),
                ),
                ("xid", orders.fields.TransactionIdField()),
                ("event_id", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "archived events",
                "ordering": ("account",),
            },
        ),
        migrations.AddField(
            model_name="wallet",
            name="archived_below",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="First nonce of which none and no later one is in an archive.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="archivedevents",
            trigger=pgtrigger.compiler.Trigger(
                name="archived_events_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="6ba5a45f06a6494516d74a8944799f266f52a54f",
                    operation="DELETE",
                    pgid="pgtrigger_archived_events_not_deletable_8651e",
                    table="orders_archivedevents",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="archivefile",
            trigger=pgtrigger.compiler.Trigger(
                name="archive_file_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="429479690f46b1743c84baacd78a9e624c800db2",
                    operation="DELETE",
                    pgid="pgtrigger_archive_file_not_deletable_c2e9b",
                    table="orders_archivefile",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="archivefile",
            trigger=pgtrigger.compiler.Trigger(
                name="archive_file_as_sealed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."month" IS DISTINCT FROM (NEW."month") OR OLD."order_count" IS DISTINCT FROM (NEW."order_count") OR OLD."event_count" IS DISTINCT FROM (NEW."event_count") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."sealed_at" IS DISTINCT FROM (NEW."sealed_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="50bca957e174020fcb8b527a99f407e66f3bff87",
                    operation="UPDATE",
                    pgid="pgtrigger_archive_file_as_sealed_bdc63",
                    table="orders_archivefile",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="archivedorder",
            constraint=models.UniqueConstraint(
                condition=models.Q(("client_order_id__isnull", False)),
                fields=("client_order_id", "account"),
                name="archived_client_id_unique",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="archivedorder",
            trigger=pgtrigger.compiler.Trigger(
                name="archived_order_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="fb02a2935faf6232a8d10af4a189bcc60dec02b6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_archived_order_append_only_340a8",
                    table="orders_archivedorder",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="archivedorder",
            trigger=pgtrigger.compiler.Trigger(
                name="archived_order_has_ended",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF NOT EXISTS (\n            SELECT FROM orders_order o\n            WHERE o.id = NEW.order_id AND o.account_id = NEW.account_id AND o.outcome IS NOT NULL\n                AND o.client_order_id IS NOT DISTINCT FROM NEW.client_order_id\n        ) OR EXISTS (\n            SELECT FROM orders_submission s WHERE s.order_id = NEW.order_id AND s.closed_at IS NULL\n        ) OR NOT EXISTS (SELECT FROM orders_archivefile f WHERE f.id = NEW.file_id) THEN\n            RAISE EXCEPTION 'order % cannot be archived: it must have ended, hold no nonce and be in a sealed file',\n                NEW.order_id USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NEW;\n    ",
                    hash="5307a292575834fc7d5696ca930cb9b6eaa1f08f",
                    operation="INSERT",
                    pgid="pgtrigger_archived_order_has_ended_f025e",
                    table="orders_archivedorder",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="archivedorder",
            trigger=pgtrigger.compiler.Trigger(
                name="archived_order_leaves_nothing",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n        IF EXISTS (SELECT FROM orders_order WHERE id = NEW.order_id)\n            OR EXISTS (SELECT FROM orders_orderevent WHERE order_id = NEW.order_id)\n            OR EXISTS (SELECT FROM orders_fill WHERE order_id = NEW.order_id)\n            OR EXISTS (SELECT FROM orders_submission WHERE order_id = NEW.order_id)\n            OR EXISTS (SELECT FROM orders_orderlabel WHERE order_id = NEW.order_id) THEN\n            RAISE EXCEPTION 'order % is noted as archived, and rows of it are left', NEW.order_id\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NULL;\n    ",
                    hash="cd96635d42621498fb4635348d47a32afa9e3605",
                    operation="INSERT",
                    pgid="pgtrigger_archived_order_leaves_nothing_bf0e4",
                    table="orders_archivedorder",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
