"""Tickets that open one WebSocket each, so that no key stands in an address or in a page."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_hold_nonces_to_the_end"),
    ]

    operations = [
        migrations.CreateModel(
            name="WsTicket",
            fields=[
                ("digest", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                (
                    "key_prefix",
                    models.CharField(
                        default="", help_text="Prefix of the key that asked; empty without.", max_length=64
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="orders.account",
                    ),
                ),
            ],
            options={
                "ordering": ("created_at",),
                "indexes": [models.Index(fields=["created_at"], name="ws_ticket_by_age")],
            },
        ),
    ]
