"""The guard of statuses lets one write take an order from BUILDING to CONFIRMED, counted as the two moves that it is.

All else it refuses as before. The trigger is exchanged in one instant, in which the table is locked; at none is a row
without it.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from orders.database.short_waits import in_short_waits

GUARD = pgtrigger.compiler.Trigger(
    name="order_status_guard",
    sql=pgtrigger.compiler.UpsertTriggerSql(
        condition="WHEN ((OLD.status IS DISTINCT FROM NEW.status OR OLD.seq IS DISTINCT FROM NEW.seq)\n        AND ((OLD.status || '>' || NEW.status = ANY ('{PENDING>CONFIRMED,PENDING>FAILED,PENDING>PENDING,PENDING>ROUTING,ROUTING>BUILDING,ROUTING>FAILED,ROUTING>PENDING,ROUTING>ROUTING,BUILDING>BUILDING,BUILDING>FAILED,BUILDING>ROUTING,BUILDING>SUBMITTED,SUBMITTED>CONFIRMED,SUBMITTED>FAILED,SUBMITTED>ROUTING,SUBMITTED>SUBMITTED}'::text[]) AND NEW.seq = OLD.seq + 1\n                OR OLD.status = 'BUILDING' AND NEW.status = 'CONFIRMED' AND NEW.seq = OLD.seq + 2)\n            AND NOT (NEW.cancel_requested_at IS NOT NULL AND NEW.status <> OLD.status\n                     AND NEW.status = ANY ('{ROUTING,BUILDING}'::text[]) AND OLD.status <> 'PENDING')\n        ) IS NOT TRUE)",
        func="\n        IF (OLD.status || '>' || NEW.status = ANY ('{PENDING>CONFIRMED,PENDING>FAILED,PENDING>PENDING,PENDING>ROUTING,ROUTING>BUILDING,ROUTING>FAILED,ROUTING>PENDING,ROUTING>ROUTING,BUILDING>BUILDING,BUILDING>FAILED,BUILDING>ROUTING,BUILDING>SUBMITTED,SUBMITTED>CONFIRMED,SUBMITTED>FAILED,SUBMITTED>ROUTING,SUBMITTED>SUBMITTED}'::text[])) IS NOT TRUE THEN\n            RAISE EXCEPTION 'illegal transition % -> % of order %', OLD.status, NEW.status, OLD.id\n                USING ERRCODE = 'check_violation';\n        END IF;\n        IF NEW.seq IS DISTINCT FROM OLD.seq + 1 THEN\n            RAISE EXCEPTION 'seq must go from % to % with the status, not to %', OLD.seq, OLD.seq + 1, NEW.seq\n                USING ERRCODE = 'check_violation';\n        END IF;\n        RAISE EXCEPTION 'order % is to be cancelled, it cannot go from % to %', OLD.id, OLD.status, NEW.status\n            USING ERRCODE = 'check_violation';\n    ",
        hash="2accf4df1d9213c50e2b2632e24b20ac5b470978",
        operation="UPDATE",
        pgid="pgtrigger_order_status_guard_810be",
        table="orders_order",
        when="BEFORE",
    ),
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0040_count_fewer_rows"),
    ]

    operations = [
        migrations.RunSQL(
            in_short_waits(str(GUARD.install_sql)),
            # The version before has none of the moves that it permits.
            migrations.RunSQL.noop,
            state_operations=[
                pgtrigger.migrations.RemoveTrigger(model_name="order", name="order_status_guard"),
                pgtrigger.migrations.AddTrigger(model_name="order", trigger=GUARD),
            ],
        ),
    ]
