"""An account may change its wallet on a chain: of all it ever had one is in use, the others stay with their nonces.

The column is null in every row: no rewrite. The index is small, a row per account and chain.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0014_keep_the_hash_of_a_fills_block"),
    ]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="retired_at",
            field=models.DateTimeField(
                editable=False, help_text="Another wallet of the account took its place; empty: in use.", null=True
            ),
        ),
        migrations.RemoveConstraint(
            model_name="wallet",
            name="wallet_one_per_account_and_chain",
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at__isnull", True)),
                fields=("account", "chain_id"),
                name="wallet_one_in_use_per_account_and_chain",
            ),
        ),
    ]
