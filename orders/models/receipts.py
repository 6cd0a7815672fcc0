"""The markets that orders were routed on, signed receipts as they were given, and the keys that sign them.

No row of these hangs on an order's row: markets go when they are old, receipts and public keys stay for good.
"""

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from orders.models.accounts import Account


class MarketRecord(models.Model):
    """What one batch was routed on: what changed of the market since the record before it in its series.

    The first of a series holds all of it. `body` is compressed (orders/snapshots/records.py).
    """

    pk = models.CompositePrimaryKey("series", "number")
    series = models.UUIDField(editable=False, help_text="A UUIDv7: old series are found by it.")
    number = models.IntegerField(editable=False)
    body = models.BinaryField(editable=False)

    class Meta:
        ordering = ("series", "number")

    def __str__(self) -> str:
        return f"{self.series}.{self.number}"


class ReceiptKey(models.Model):
    """The public half of a key that signs receipts, for good: what it signed can be checked after it is retired."""

    key_id = models.CharField(max_length=64, primary_key=True, help_text="Its RFC 7638 thumbprint.")
    public = models.CharField(max_length=64, help_text="The 32 bytes of an Ed25519 key, base64url.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(null=True, help_text="Signs nothing since then.")

    class Meta:
        ordering = ("created_at", "key_id")
        triggers = (
            pgtrigger.Protect(name="receipt_key_not_deletable", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="receipt_key_as_published", exclude=["retired_at"]),
        )

    def __str__(self) -> str:
        return self.key_id


class Receipt(models.Model):
    """A receipt as it was first given: the same bytes from then on, whichever key signs and wherever its order is."""

    order_id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    key = models.ForeignKey(ReceiptKey, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    document = models.TextField(editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("order_id",)
        triggers = (pgtrigger.Protect(name="receipt_append_only", operation=pgtrigger.Update | pgtrigger.Delete),)

    def __str__(self) -> str:
        return str(self.order_id)
