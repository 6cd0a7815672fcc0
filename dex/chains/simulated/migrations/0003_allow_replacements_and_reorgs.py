"""Several transactions may wait at one nonce, of which a block takes the best bid; blocks keep what undoes them.

Locks the small tables of the development chain while their indexes are built.
"""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Adds and replaces; nothing is rewritten."""

    dependencies = [("simulated", "0002_keep_routes_whole")]

    operations = [
        migrations.CreateModel(
            name="Undo",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("pools", models.JSONField()),
                ("balances", models.JSONField()),
                ("nonces", models.JSONField()),
                ("is_doomed", models.BooleanField(help_text="Holds an order that asked for a reorg.")),
            ],
            options={"ordering": ("number",)},
        ),
        migrations.AddField(
            "block",
            "is_empty",
            models.BooleanField(db_default=False, help_text="Made only to begin a branch or to let time pass."),
        ),
        migrations.AddField("chaintransaction", "max_fee", models.BigIntegerField(db_default=0)),
        migrations.AddField("chaintransaction", "priority_fee", models.BigIntegerField(db_default=0)),
        migrations.AddField(
            "chaintransaction",
            "taken_back_count",
            models.PositiveIntegerField(db_default=0, help_text="Reorgs that took it out of a block."),
        ),
        migrations.RemoveConstraint("chaintransaction", "simulated_nonce_unique"),
        migrations.RemoveConstraint("chaintransaction", "simulated_included_has_block"),
        migrations.AddConstraint(
            "chaintransaction",
            models.UniqueConstraint(
                fields=("wallet", "nonce"), condition=Q(state="included"), name="simulated_nonce_used_once"
            ),
        ),
        migrations.AddConstraint(
            "chaintransaction",
            models.CheckConstraint(
                condition=Q(
                    state__in=("pending", "unseen", "forgotten", "stuck", "replaced"), block_number__isnull=True
                )
                | Q(state="included", block_number__isnull=False),
                name="simulated_included_has_block",
            ),
        ),
        migrations.AddIndex("chaintransaction", models.Index(fields=("wallet", "nonce"), name="simulated_by_nonce")),
    ]
