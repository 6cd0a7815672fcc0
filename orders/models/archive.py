"""What stays of orders whose rows have left for a file, and what proves that none left otherwise.

A row of an order, its events, fills, submissions and signed transactions can be deleted only where an `ArchivedOrder`
names it (`orders/models/triggers.py`), and that can be stored only for an order that has ended, in a transaction at
whose end none of its rows is left.
"""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.fields import TransactionIdField
from orders.models.accounts import Account
from orders.models.triggers import archive_guard, nothing_left


class ArchiveFile(models.Model):
    """A file with ended orders of one month: complete on disk before its row is there, with this checksum."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=128, unique=True)
    month = models.DateField(help_text="First day of the month in which its orders were placed (UTC).")
    order_count = models.PositiveBigIntegerField()
    event_count = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(db_default=Now(), editable=False)
    emptied_at = models.DateTimeField(null=True, help_text="When the last of its orders had left the tables.")

    class Meta:
        ordering = ("month", "id")
        triggers = (
            pgtrigger.Protect(name="archive_file_not_deletable", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="archive_file_as_sealed", exclude=["emptied_at"]),
        )

    def __str__(self) -> str:
        return self.name


class ArchivedOrder(models.Model):
    """An order that is in a file now. Its client_order_id stays taken."""

    order_id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    client_order_id = models.CharField(max_length=64, null=True)
    # The guard looks for the file's row, which cannot be deleted.
    file = models.ForeignKey(
        ArchiveFile, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        ordering = ("order_id",)
        constraints = (
            models.UniqueConstraint(
                fields=("client_order_id", "account"),
                condition=Q(client_order_id__isnull=False),
                name="archived_client_id_unique",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="archived_order_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="archived_order_has_ended",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=archive_guard(),
            ),
            pgtrigger.Trigger(
                name="archived_order_leaves_nothing",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func=nothing_left(),
            ),
        )

    def __str__(self) -> str:
        return str(self.order_id)


class ArchivedEvents(models.Model):
    """How far an account's event log has left for files: a cursor before it has a gap. It only rises."""

    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="+", primary_key=True, db_constraint=False
    )
    # The last archived event, in the order of the log.
    xid = TransactionIdField()
    event_id = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "archived events"
        ordering = ("account",)
        triggers = (pgtrigger.Protect(name="archived_events_not_deletable", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.account_id} up to {self.xid}.{self.event_id}"
