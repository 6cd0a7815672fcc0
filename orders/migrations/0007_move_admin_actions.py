"""Carries acts by hand over to the audit log, oldest first, so that its chain begins with them.

Reads a table that only administrators filled; the way back leaves both where they are.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0006_accounts_keys_limits")]

    operations = [
        migrations.RunSQL(
            """
            INSERT INTO orders_auditentry (at, actor, address, action, subject, account_id, reason, before, after)
            SELECT a.at, a.actor, a.address, 'order.' || a.action, 'order:' || a.order_id, o.account_id, a.reason,
                   to_jsonb(a.before), to_jsonb(a.after)
            FROM orders_adminaction a JOIN orders_order o ON o.id = a.order_id ORDER BY a.id
            """,
            migrations.RunSQL.noop,
        ),
    ]
