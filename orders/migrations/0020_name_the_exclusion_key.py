"""A submission's nonce is called its exclusion key in Python. The column keeps its name: nothing changes in the database."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0019_claim_by_chain"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("submission", "submission_nonce_unique"),
                migrations.RemoveConstraint("submission", "submission_nonce_not_negative"),
                migrations.RenameField("submission", "nonce", "key"),
                migrations.AlterField("submission", "key", models.BigIntegerField(db_column="nonce")),
                migrations.AddConstraint(
                    "submission",
                    models.UniqueConstraint(fields=("wallet", "key"), name="submission_nonce_unique"),
                ),
                migrations.AddConstraint(
                    "submission",
                    models.CheckConstraint(condition=Q(key__gte=0), name="submission_nonce_not_negative"),
                ),
            ],
        ),
    ]
