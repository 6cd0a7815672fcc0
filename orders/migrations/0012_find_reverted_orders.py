"""The index that the guard finds reverted orders by. Built beside writers: it may be interrupted and begun again."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orders", "0011_remember_where_the_audit_is"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("outcome__in", ("reverted", "insufficient_funds")), ("tx_hash__isnull", False)),
                fields=["updated_at"],
                name="order_reverted",
            ),
        ),
    ]
