"""Since when a wallet is known to hold too little for gas. The column is empty: no rewrite."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0012_find_reverted_orders"),
    ]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="low_since",
            field=models.DateTimeField(
                editable=False,
                help_text="When it was reported to hold too little to pay for transactions.",
                null=True,
            ),
        ),
    ]
