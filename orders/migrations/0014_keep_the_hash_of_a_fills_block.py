"""The hash of the block that holds a fill. Older fills have none and are not compared; no rewrite."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0013_remember_wallets_low_on_gas"),
    ]

    operations = [
        migrations.AddField(
            model_name="fill",
            name="block_hash",
            field=models.CharField(max_length=128, null=True),
        ),
    ]
