"""Accounts, and what lets their callers in: keys, tickets, and the first answer to each of their POSTs."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from rest_framework_api_key.models import AbstractAPIKey

from orders.fields import AtomsField
from orders.models.key_format import KeyManager
from orders.scopes import SCOPES, default_scopes


class Account(models.Model):
    """An owner of orders, keys and wallets. Everything a caller sees is limited to its account."""

    name = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Limits are set by risk/account_limits.py alone. Once counted, always counted: from then on the open amounts are
    # the sums of its live orders' `held_value`, which every insert and every terminal transition keeps.
    max_open_value = AtomsField(null=True, editable=False, help_text="Most value of open orders; null: any.")
    max_open_orders = models.PositiveIntegerField(null=True, editable=False, help_text="Most open orders; null: any.")
    is_counted = models.BooleanField(db_default=False, default=False, editable=False)
    open_value = AtomsField(db_default=0, default=0, editable=False)
    open_orders = models.IntegerField(db_default=0, default=0, editable=False)
    max_day_fees = AtomsField(
        null=True, editable=False, help_text="Most value of network fees of a UTC day's orders; null: any."
    )
    # The sum of `counted_fee` of the orders with this `counted_day` (risk/day_fees.py).
    fee_day = models.DateField(null=True, editable=False)
    day_fees = AtomsField(db_default=0, default=0, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(open_value__gte=0, open_orders__gte=0), name="account_open_in_range"),
            models.CheckConstraint(
                condition=Q(is_counted=True)
                | Q(max_open_value__isnull=True, max_open_orders__isnull=True, max_day_fees__isnull=True),
                name="account_limited_is_counted",
            ),
            models.CheckConstraint(condition=Q(day_fees__gte=0), name="account_day_fees_not_negative"),
        )

    def __str__(self) -> str:
        return self.name


class ApiKey(AbstractAPIKey):
    """A hashed secret that acts for one account, within what is written here. Values are in micro-units."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="api_keys")
    scopes = ArrayField(models.CharField(max_length=16), default=default_scopes)
    max_order_value = AtomsField(null=True, blank=True, help_text="Most value of one order; empty: any.")
    max_day_value = AtomsField(null=True, blank=True, help_text="Most value of a UTC day's orders; empty: any.")
    max_day_fees = AtomsField(
        null=True, blank=True, help_text="Most value of network fees of a UTC day's orders; empty: any."
    )
    venues = ArrayField(models.CharField(max_length=32), default=list, blank=True, help_text="Empty: all.")
    tokens = ArrayField(models.CharField(max_length=32), default=list, blank=True, help_text="Empty: all.")
    ip_ranges = ArrayField(models.CharField(max_length=64), default=list, blank=True, help_text="Empty: from anywhere.")
    is_dry_run_only = models.BooleanField(default=False, help_text="May place orders with ?dry_run=true only.")
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Requests; empty: the default.")
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    day = models.DateField(null=True, editable=False)
    day_value = AtomsField(db_default=0, default=0, editable=False, help_text="Value of the orders placed on `day`.")
    fee_day = models.DateField(null=True, editable=False)
    day_fees = AtomsField(
        db_default=0, default=0, editable=False, help_text="Network fees of the orders placed on `fee_day`."
    )

    objects: ClassVar[Any] = KeyManager()  # the library has no types

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        constraints = (
            models.CheckConstraint(condition=Q(scopes__contained_by=list(SCOPES)), name="api_key_scopes_known"),
            models.CheckConstraint(condition=Q(day_value__gte=0), name="api_key_day_value_not_negative"),
            models.CheckConstraint(condition=Q(day_fees__gte=0), name="api_key_day_fees_not_negative"),
        )


class WsTicket(models.Model):
    """A single-use ticket that opens one WebSocket; only its digest is kept."""

    digest = models.BinaryField(max_length=32, primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    key_prefix = models.CharField(max_length=64, default="", help_text="Prefix of the key that asked; empty without.")
    session_key = models.CharField(
        max_length=40, default="", db_default="", help_text="Session of the person who asked; empty without."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("created_at",)
        indexes = (models.Index(fields=("created_at",), name="ws_ticket_by_age"),)

    def __str__(self) -> str:
        return f"ticket of {self.created_at}"


class IdempotencyKey(models.Model):
    """The first answer to a POST, kept for a day and given again to the same body."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    status_code = models.PositiveSmallIntegerField(null=True)
    response = models.JSONField(null=True)
    location = models.CharField(max_length=255, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("account", "key"), name="idempotency_key_unique"),)
        indexes = (models.Index(fields=("created_at",), name="idempotency_by_age"),)

    def __str__(self) -> str:
        return self.key


class DeadMansSwitch(models.Model):
    """An account's dead-man switch: unless it is renewed before `due_at`, the account's waiting orders are cancelled.

    Once: `fired_at` says when. Renewing it arms it again. As long as `sweep_before` is there, waiting orders that were
    placed before it are still to be cancelled.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="+", primary_key=True)
    timeout_s = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    renewed_at = models.DateTimeField(db_default=Now())
    fired_at = models.DateTimeField(null=True)
    sweep_before = models.DateTimeField(null=True)
    # Who renewed it last, for the audit log of what it does.
    actor = models.CharField(max_length=150)

    class Meta:
        ordering = ("account",)
        constraints = (models.CheckConstraint(condition=Q(timeout_s__gte=1), name="dead_mans_switch_timeout_positive"),)
        indexes = (
            models.Index(fields=("due_at",), condition=Q(fired_at__isnull=True), name="dead_mans_switch_due"),
            models.Index(fields=("account",), condition=Q(sweep_before__isnull=False), name="dead_mans_switch_sweeps"),
        )

    def __str__(self) -> str:
        return f"dead-man switch of {self.account_id}"
