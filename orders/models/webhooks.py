"""Webhooks of accounts: where each endpoint stands in the event log, and what came of each delivery."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.fields import LogEdge, TransactionIdField
from orders.models.accounts import Account
from orders.models.orders import new_id


class Webhook(models.Model):
    """An address that an account's events are sent to, in order, from a place in the log on.

    (`xid`, `row_id`, `seq`) is that place, `seq` null after a whole row, as in `orders/event_log/cursor.py`: what lies
    before it was answered by 2xx, or is none of the endpoint's.
    `version` counts what its owner changes, so that nothing is settled on an older state. Who delivers holds the lease.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Accounts are not deleted; a constraint would lock their table for the update that makes this one.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="webhooks", db_constraint=False)
    url = models.CharField(max_length=2048)
    description = models.CharField(max_length=200, default="", blank=True)
    # What is sent; empty and null: everything.
    statuses = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    pair = models.CharField(max_length=65, null=True)
    tag = models.CharField(max_length=129, null=True)
    # Encrypted (`orders/webhooks/signatures.py`), as text. Previous ones sign too until their time is up.
    secret = models.TextField()
    previous = models.JSONField(default=list)

    xid = TransactionIdField(db_default=LogEdge())
    row_id = models.BigIntegerField(db_default=0, default=0)
    seq = models.PositiveIntegerField(null=True)
    epoch = models.CharField(max_length=32)

    attempt = models.PositiveSmallIntegerField(
        db_default=0, default=0, help_text="Failed attempts at the message whose turn it is."
    )
    due_at = models.DateTimeField(db_default=Now())
    failure = models.CharField(max_length=300, null=True, help_text="Why the last attempt failed.")
    requests = models.JSONField(default=list, help_text="Messages that are sent out of turn, once.")
    last_attempt_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(db_default=1, default=1)
    disabled_at = models.DateTimeField(null=True)
    disabled_by = models.CharField(max_length=16, null=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True, disabled_by__isnull=True)
                | Q(disabled_at__isnull=False, disabled_by__isnull=False, requests=[]),
                name="webhook_disabled_is_said_by_whom",
            ),
        )

    def __str__(self) -> str:
        return f"webhook {self.id}"


class WebhookDelivery(models.Model):
    """One attempt at one message, and what came of it: a record that nothing is decided by, kept for some days."""

    id = models.BigAutoField(primary_key=True)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    message_id = models.CharField(max_length=128, help_text="The header `webhook-id`.")
    kind = models.CharField(max_length=16, help_text="event, gap, test or webhook_disabled.")
    order_id = models.UUIDField(null=True)
    seq = models.PositiveIntegerField(null=True)
    cursor = models.CharField(max_length=96, default="")
    attempt = models.PositiveSmallIntegerField()
    is_requested = models.BooleanField(default=False, help_text="Sent out of turn, once.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the receiver's HTTP answer.")
    error = models.CharField(max_length=300, null=True)
    response = models.TextField(default="", help_text="The first bytes of its body.")
    took_ms = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        ordering = ("-id",)
        indexes = (models.Index(fields=("webhook", "id"), name="webhook_delivery_by_webhook"),)

    def __str__(self) -> str:
        return f"delivery {self.id} of {self.message_id}"
