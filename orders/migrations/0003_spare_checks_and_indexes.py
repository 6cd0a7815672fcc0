"""Takes work off the write path that proves nothing.

Foreign keys whose rows are written in the statement that knows the other row, which nobody can delete, are no longer
checked row by row; triggers refuse the deletes. The second index on transaction hashes, for LIKE, goes. When bytes
were first sent is the SUBMITTED event's time; only sending again is still noted.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0002_leave_room_in_order_pages"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="signedtransaction",
            name="sent_at",
        ),
        migrations.RemoveField(
            model_name="signedtransaction",
            name="sent_count",
        ),
        migrations.AddField(
            model_name="signedtransaction",
            name="resend_count",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="signedtransaction",
            name="resent_at",
            field=models.DateTimeField(help_text="Last time the bytes were handed to the chain again.", null=True),
        ),
        migrations.AlterField(
            model_name="fill",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fills",
                to="orders.order",
            ),
        ),
        migrations.AlterField(
            model_name="signedtransaction",
            name="mined_block",
            field=models.BigIntegerField(help_text="Block of an inclusion that is not final yet.", null=True),
        ),
        migrations.AlterField(
            model_name="signedtransaction",
            name="submission",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transactions",
                to="orders.submission",
            ),
        ),
        migrations.AlterField(
            model_name="signedtransaction",
            name="tx_hash",
            field=models.CharField(max_length=128),
        ),
        migrations.AlterField(
            model_name="submission",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="submissions",
                to="orders.order",
            ),
        ),
        migrations.AlterField(
            model_name="submission",
            name="wallet",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="submissions",
                to="orders.wallet",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signedtransaction",
            trigger=pgtrigger.compiler.Trigger(
                name="signed_transaction_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="77966f1ebfcb93d62d86d77ae3d89aef64812a4f",
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
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="82dada2ad8000dcd276747f165b6bd219d2e012c",
                    operation="DELETE",
                    pgid="pgtrigger_submission_not_deletable_d840f",
                    table="orders_submission",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="wallet",
            trigger=pgtrigger.compiler.Trigger(
                name="wallet_not_deletable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="3b3d8772c4970d3f6e8303d17d135d65558468c0",
                    operation="DELETE",
                    pgid="pgtrigger_wallet_not_deletable_23d7c",
                    table="orders_wallet",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="signedtransaction",
            constraint=models.UniqueConstraint(fields=("tx_hash",), name="signed_transaction_hash_unique"),
        ),
    ]
