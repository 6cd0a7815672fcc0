"""No swap is signed for an order whose cancel is stored, whoever writes; and orders say what they wait for.

Columns without a default: no table is rewritten. A trigger is exchanged, another one is made.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0016_say_pause"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="order",
            name="order_status_guard",
        ),
        migrations.AddField(
            model_name="order",
            name="waiting_for",
            field=models.CharField(
                help_text="What it could not be tried for: chain or fees; empty: nothing.", max_length=16, null=True
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="waiting_since",
            field=models.DateTimeField(
                help_text="When that began; it ends with the order's signature, not with each answer.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="cancel_requested_at",
            field=models.DateTimeField(
                help_text="When its cancel was stored: no swap is signed for it after that.", null=True
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="order_status_guard",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."status" IS DISTINCT FROM (NEW."status") OR OLD."seq" IS DISTINCT FROM (NEW."seq"))',
                    func="\n        IF NOT ((OLD.status = 'PENDING' AND NEW.status = 'FAILED') OR (OLD.status = 'PENDING' AND NEW.status = 'ROUTING') OR (OLD.status = 'ROUTING' AND NEW.status = 'BUILDING') OR (OLD.status = 'ROUTING' AND NEW.status = 'FAILED') OR (OLD.status = 'ROUTING' AND NEW.status = 'ROUTING') OR (OLD.status = 'BUILDING' AND NEW.status = 'BUILDING') OR (OLD.status = 'BUILDING' AND NEW.status = 'FAILED') OR (OLD.status = 'BUILDING' AND NEW.status = 'ROUTING') OR (OLD.status = 'BUILDING' AND NEW.status = 'SUBMITTED') OR (OLD.status = 'SUBMITTED' AND NEW.status = 'CONFIRMED') OR (OLD.status = 'SUBMITTED' AND NEW.status = 'FAILED') OR (OLD.status = 'SUBMITTED' AND NEW.status = 'ROUTING') OR (OLD.status = 'SUBMITTED' AND NEW.status = 'SUBMITTED')) THEN\n            RAISE EXCEPTION 'illegal transition % -> % of order %', OLD.status, NEW.status, OLD.id\n                USING ERRCODE = 'check_violation';\n        END IF;\n        IF NEW.seq <> OLD.seq + 1 THEN\n            RAISE EXCEPTION 'seq must go from % to % with the status, not to %', OLD.seq, OLD.seq + 1, NEW.seq\n                USING ERRCODE = 'check_violation';\n        END IF;\n        IF NEW.cancel_requested_at IS NOT NULL AND NEW.status <> OLD.status AND NEW.status IN ('ROUTING', 'BUILDING')\n                AND OLD.status <> 'PENDING' THEN\n            RAISE EXCEPTION 'order % is to be cancelled, it cannot go from % to %', OLD.id, OLD.status, NEW.status\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NEW;\n    ",
                    hash="02ef0d3fd2f1261d8c1375a8f9c382bc9bb5632f",
                    operation="UPDATE",
                    pgid="pgtrigger_order_status_guard_810be",
                    table="orders_order",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signedtransaction",
            trigger=pgtrigger.compiler.Trigger(
                name="signed_transaction_not_after_cancel",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        IF EXISTS (\n            SELECT FROM stored t JOIN orders_submission s ON s.id = t.submission_id\n            JOIN orders_order o ON o.id = s.order_id\n            WHERE NOT t.is_noop AND o.cancel_requested_at IS NOT NULL\n        ) THEN\n            RAISE EXCEPTION 'an order is to be cancelled: no swap may be signed for it'\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NULL;\n    ",
                    hash="26266941bfdb5f429a94d7ee03bf678ac8569454",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_signed_transaction_not_after_cancel_11552",
                    referencing="REFERENCING NEW TABLE AS stored ",
                    table="orders_signedtransaction",
                    when="AFTER",
                ),
            ),
        ),
    ]
