"""Nonces are held until a final transaction has used them: by several bids, by one that does nothing, or for a gap.

Columns with constant defaults and a dropped NOT NULL: no table is rewritten.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0003_spare_checks_and_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="cancel_requested_at",
            field=models.DateTimeField(help_text="Its nonce is to be used up by another transaction.", null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="parked_at",
            field=models.DateTimeField(
                help_text="Its workers died too often: looked at rarely, until unparked.", null=True
            ),
        ),
        migrations.AddField(
            model_name="signedtransaction",
            name="is_noop",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Uses up the nonce and swaps nothing."
            ),
        ),
        migrations.AddField(
            model_name="signedtransaction",
            name="max_fee",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="signedtransaction",
            name="priority_fee",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="submission",
            name="absent_block",
            field=models.BigIntegerField(
                help_text="Final block at which the chain could no longer execute it and had no receipt.", null=True
            ),
        ),
        migrations.AddField(
            model_name="wallet",
            name="paused_reason",
            field=models.CharField(
                db_default="",
                default="",
                help_text="Why nothing new is signed from it; empty: not paused.",
                max_length=200,
            ),
        ),
        migrations.AlterField(
            model_name="submission",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="submissions",
                to="orders.order",
            ),
        ),
    ]
