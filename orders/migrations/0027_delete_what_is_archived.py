"""Rows of an order may be deleted once it is in an archive file, and then only.

Each trigger is exchanged in a transaction of its own, which locks its table for the instant of a catalogue change. What
allows less comes first: at no moment may anything be deleted that could not be before. It may be interrupted and begun
again.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0026_archive_orders"),
    ]

    operations = [
        # AddTrigger replaces the trigger of the same name.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                pgtrigger.migrations.RemoveTrigger(
                    model_name="fill",
                    name="fill_append_only",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="order",
                    name="order_not_deletable",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="orderevent",
                    name="event_append_only",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="signedtransaction",
                    name="signed_transaction_not_deletable",
                ),
                pgtrigger.migrations.RemoveTrigger(
                    model_name="submission",
                    name="submission_not_deletable",
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fill",
            trigger=pgtrigger.compiler.Trigger(
                name="fill_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = OLD.order_id) THEN\n                RETURN OLD;\n            END IF;\n            RAISE EXCEPTION 'Cannot delete rows from % table: the order is in no archive', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        ",
                    hash="a9583dcad4db88b98c7004ffb967fa1b93b38aa1",
                    operation="DELETE",
                    pgid="pgtrigger_fill_not_deletable_c0f04",
                    table="orders_fill",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="order_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = OLD.id) THEN\n                RETURN OLD;\n            END IF;\n            RAISE EXCEPTION 'Cannot delete rows from % table: the order is in no archive', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        ",
                    hash="14ef6e3c04fa6574751d9e5992612ee0cdfdb80f",
                    operation="DELETE",
                    pgid="pgtrigger_order_not_deletable_30048",
                    table="orders_order",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="order_client_id_not_archived",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.client_order_id IS NOT NULL)",
                    func="\n        IF EXISTS (\n            SELECT FROM orders_archivedorder a\n            WHERE a.client_order_id = NEW.client_order_id AND a.account_id = NEW.account_id\n        ) THEN\n            RAISE EXCEPTION 'client_order_id % belongs to an archived order', NEW.client_order_id\n                USING ERRCODE = 'unique_violation';\n        END IF;\n        RETURN NULL;\n    ",
                    hash="c74f2c643180db2ad40ee8949afc1ec7fd27dc48",
                    operation="INSERT",
                    pgid="pgtrigger_order_client_id_not_archived_a4659",
                    table="orders_order",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="orderevent",
            trigger=pgtrigger.compiler.Trigger(
                name="event_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = OLD.order_id) THEN\n                RETURN OLD;\n            END IF;\n            RAISE EXCEPTION 'Cannot delete rows from % table: the order is in no archive', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        ",
                    hash="e6cb5858a0ebf27143eeab9a0649ff640d1faa1f",
                    operation="DELETE",
                    pgid="pgtrigger_event_not_deletable_41feb",
                    table="orders_orderevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signedtransaction",
            trigger=pgtrigger.compiler.Trigger(
                name="signed_transaction_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = (SELECT s.order_id FROM orders_submission s WHERE s.id = OLD.submission_id)) THEN\n                RETURN OLD;\n            END IF;\n            RAISE EXCEPTION 'Cannot delete rows from % table: the order is in no archive', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        ",
                    hash="5f54046166c4cb853417097d5ec23452888ccbba",
                    operation="DELETE",
                    pgid="pgtrigger_signed_transaction_not_deletable_37249",
                    table="orders_signedtransaction",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="submission",
            trigger=pgtrigger.compiler.Trigger(
                name="submission_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = OLD.order_id) THEN\n                RETURN OLD;\n            END IF;\n            RAISE EXCEPTION 'Cannot delete rows from % table: the order is in no archive', TG_TABLE_NAME\n                USING ERRCODE = 'check_violation';\n        ",
                    hash="d982fb23cfc8490c92ca61a13b20606125a31855",
                    operation="DELETE",
                    pgid="pgtrigger_submission_not_deletable_d840f",
                    table="orders_submission",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fill",
            trigger=pgtrigger.compiler.Trigger(
                name="fill_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="789402fe09c709a2b135ee5582f8e99ba510dd39",
                    operation="UPDATE",
                    pgid="pgtrigger_fill_append_only_09c7c",
                    table="orders_fill",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="orderevent",
            trigger=pgtrigger.compiler.Trigger(
                name="event_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="132f60a8997555652d05bb53f66048b0ee4ce7fb",
                    operation="UPDATE",
                    pgid="pgtrigger_event_append_only_58cd6",
                    table="orders_orderevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
