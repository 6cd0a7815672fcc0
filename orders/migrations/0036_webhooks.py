"""Webhooks: endpoints with their places in the event log, and the record of deliveries. Two new tables, which nothing waits for."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import orders.fields
import orders.models.orders


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0035_receipts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=orders.models.orders.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.CharField(max_length=2048)),
                ("description", models.CharField(blank=True, default="", max_length=200)),
                (
                    "statuses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), blank=True, default=list, size=None
                    ),
                ),
                ("pair", models.CharField(max_length=65, null=True)),
                ("tag", models.CharField(max_length=129, null=True)),
                ("secret", models.TextField()),
                ("previous", models.JSONField(default=list)),
                ("xid", orders.fields.TransactionIdField(db_default=orders.fields.LogEdge())),
                ("row_id", models.BigIntegerField(db_default=0, default=0)),
                ("seq", models.PositiveIntegerField(null=True)),
                ("epoch", models.CharField(max_length=32)),
                (
                    "attempt",
                    models.PositiveSmallIntegerField(
                        db_default=0, default=0, help_text="Failed attempts at the message whose turn it is."
                    ),
                ),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("failure", models.CharField(help_text="Why the last attempt failed.", max_length=300, null=True)),
                (
                    "requests",
                    models.JSONField(default=list, help_text="Messages that are sent out of turn, once."),
                ),
                ("last_attempt_at", models.DateTimeField(null=True)),
                ("last_success_at", models.DateTimeField(null=True)),
                ("version", models.PositiveIntegerField(db_default=1, default=1)),
                ("disabled_at", models.DateTimeField(null=True)),
                ("disabled_by", models.CharField(max_length=16, null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhooks",
                        to="orders.account",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", models.CharField(help_text="The header `webhook-id`.", max_length=128)),
                ("kind", models.CharField(help_text="event, gap, test or webhook_disabled.", max_length=16)),
                ("order_id", models.UUIDField(null=True)),
                ("seq", models.PositiveIntegerField(null=True)),
                ("cursor", models.CharField(default="", max_length=96)),
                ("attempt", models.PositiveSmallIntegerField()),
                ("is_requested", models.BooleanField(default=False, help_text="Sent out of turn, once.")),
                ("status", models.PositiveSmallIntegerField(help_text="Of the receiver's HTTP answer.", null=True)),
                ("error", models.CharField(max_length=300, null=True)),
                ("response", models.TextField(default="", help_text="The first bytes of its body.")),
                ("took_ms", models.PositiveIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="orders.webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "ordering": ("-id",),
            },
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disabled_at__isnull", True), ("disabled_by__isnull", True)),
                    models.Q(("disabled_at__isnull", False), ("disabled_by__isnull", False), ("requests", [])),
                    _connector="OR",
                ),
                name="webhook_disabled_is_said_by_whom",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["webhook", "id"], name="webhook_delivery_by_webhook"),
        ),
    ]
