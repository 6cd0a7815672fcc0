"""What is appended about an order and never changed: its events, and its fills."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.fields import AtomsField, CurrentTransactionId, TransactionIdField
from orders.models.accounts import Account
from orders.models.orders import Order
from orders.models.triggers import append_only, leaves_archived


class OrderEvent(models.Model):
    """One appended fact about an order, numbered by `seq` without holes."""

    id = models.BigAutoField(primary_key=True)
    # Both ids are copied by the statement that writes the order's own row, which is not deleted before them: a
    # foreign key check per event would prove nothing and cost a tenth of an order's database time.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="events", db_index=False, db_constraint=False
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    seq = models.PositiveIntegerField()
    xid = TransactionIdField(db_default=CurrentTransactionId())
    status = models.CharField(max_length=16)
    attempt = models.PositiveIntegerField()
    outcome = models.CharField(max_length=32, null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())
    took_ms = models.PositiveIntegerField(default=0, help_text="Time since the event before.")

    class Meta:
        ordering = ("order", "seq")
        constraints = (models.UniqueConstraint(fields=("order", "seq"), name="event_seq_unique"),)
        indexes = (models.Index(fields=("account", "xid", "id"), name="event_by_account_cursor"),)
        triggers = (append_only("event_append_only"), leaves_archived("event_not_deletable"))

    def __str__(self) -> str:
        return f"{self.order_id} #{self.seq} {self.status}"


class Fill(models.Model):
    """Executed amounts of one leg, from the receipt, in atoms."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="fills", db_index=False, db_constraint=False
    )
    leg = models.PositiveSmallIntegerField()
    amount_in = AtomsField()
    amount_out = AtomsField()
    hops = models.JSONField(default=list)  # as hops_to_json writes them
    tx_hash = models.CharField(max_length=128)
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=128, null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("order", "leg")
        constraints = (
            # One success receipt per order, permanently: a second execution cannot be stored.
            models.UniqueConstraint(fields=("order", "leg"), name="fill_leg_unique"),
            models.CheckConstraint(condition=Q(amount_in__gt=0, amount_out__gt=0), name="fill_amounts_positive"),
        )
        triggers = (append_only("fill_append_only"), leaves_archived("fill_not_deletable"))

    def __str__(self) -> str:
        return f"{self.order_id} leg {self.leg}"
