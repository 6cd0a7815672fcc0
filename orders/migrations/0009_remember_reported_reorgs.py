"""How far down a wallet's final transactions are known to be gone. The column is empty: no rewrite."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0008_drop_admin_actions"),
    ]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="lost_from",
            field=models.BigIntegerField(
                editable=False,
                help_text="First nonce of final transactions that a reorg took and that are reported.",
                null=True,
            ),
        ),
    ]
