"""What PostgreSQL remembers. Every invariant we can state is a constraint or a trigger here; no business methods."""

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from rest_framework_api_key.models import AbstractAPIKey
from uuid_utils.compat import uuid7

from orders.audit_log import AuditEntry as AuditEntry
from orders.fields import AtomsField, CurrentTransactionId, TransactionIdField
from orders.key_format import KeyManager
from orders.scopes import SCOPES, default_scopes
from orders.states import LIVE, TERMINAL, TRANSITIONS, OrderStatus


def new_id() -> uuid.UUID:
    """A UUIDv7: unique without asking anybody, and ordered by time."""
    return uuid7()


def _status_guard() -> str:
    """Body of the trigger that holds every writer to the transition table and to gapless seq."""
    edges = " OR ".join(
        f"(OLD.status = '{source}' AND NEW.status = '{target}')"
        for source, targets in TRANSITIONS.items()
        for target in sorted(targets)
    )
    return f"""
        IF NOT ({edges}) THEN
            RAISE EXCEPTION 'illegal transition % -> % of order %', OLD.status, NEW.status, OLD.id
                USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.seq <> OLD.seq + 1 THEN
            RAISE EXCEPTION 'seq must go from % to % with the status, not to %', OLD.seq, OLD.seq + 1, NEW.seq
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """


def append_only(name: str) -> pgtrigger.Protect:
    """Refuse UPDATE and DELETE, whoever writes."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class Account(models.Model):
    """An owner of orders, keys and wallets. Everything a caller sees is limited to its account."""

    name = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Limits are set by services/limits.py alone. Once counted, always counted: from then on the open amounts are the
    # sums of its live orders' `held_value`, which every insert and every terminal transition keeps.
    max_open_value = AtomsField(null=True, editable=False, help_text="Most value of open orders; null: any.")
    max_open_orders = models.PositiveIntegerField(null=True, editable=False, help_text="Most open orders; null: any.")
    is_counted = models.BooleanField(db_default=False, default=False, editable=False)
    open_value = AtomsField(db_default=0, default=0, editable=False)
    open_orders = models.IntegerField(db_default=0, default=0, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(open_value__gte=0, open_orders__gte=0), name="account_open_in_range"),
            models.CheckConstraint(
                condition=Q(is_counted=True) | Q(max_open_value__isnull=True, max_open_orders__isnull=True),
                name="account_limited_is_counted",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ApiKey(AbstractAPIKey):
    """A hashed secret that acts for one account, within what is written here. Values are in micro-units."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="api_keys")
    scopes = ArrayField(models.CharField(max_length=16), default=default_scopes)
    max_order_value = AtomsField(null=True, blank=True, help_text="Most value of one order; empty: any.")
    max_day_value = AtomsField(null=True, blank=True, help_text="Most value of a UTC day's orders; empty: any.")
    venues = ArrayField(models.CharField(max_length=32), default=list, blank=True, help_text="Empty: all.")
    tokens = ArrayField(models.CharField(max_length=32), default=list, blank=True, help_text="Empty: all.")
    ip_ranges = ArrayField(models.CharField(max_length=64), default=list, blank=True, help_text="Empty: from anywhere.")
    is_dry_run_only = models.BooleanField(default=False, help_text="May place orders with ?dry_run=true only.")
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Requests; empty: the default.")
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    day = models.DateField(null=True, editable=False)
    day_value = AtomsField(db_default=0, default=0, editable=False, help_text="Value of the orders placed on `day`.")

    objects: ClassVar[Any] = KeyManager()  # the library has no types

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        constraints = (
            models.CheckConstraint(condition=Q(scopes__contained_by=list(SCOPES)), name="api_key_scopes_known"),
            models.CheckConstraint(condition=Q(day_value__gte=0), name="api_key_day_value_not_negative"),
        )


class Token(models.Model):
    """A token that orders may name. `decimals` is the exponent from atoms to token units."""

    symbol = models.CharField(max_length=32, primary_key=True)
    name = models.CharField(max_length=128)
    decimals = models.PositiveSmallIntegerField(help_text="Exponent from atoms to token units, 0 to 36.")
    is_enabled = models.BooleanField(default=True, help_text="New orders may name it.")
    value = AtomsField(null=True, blank=True, help_text="Reference value of one token unit in 10^-12, for limits.")

    class Meta:
        ordering = ("symbol",)
        constraints = (
            models.CheckConstraint(condition=Q(decimals__lte=36), name="token_decimals_at_most_36"),
            models.CheckConstraint(condition=~Q(symbol=""), name="token_symbol_not_empty"),
        )

    def __str__(self) -> str:
        return self.symbol


class Wallet(models.Model):
    """An account's address on one chain; one of them is in use. `next_nonce` moves only where something is signed."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="wallets")
    chain_id = models.CharField(max_length=64)
    address = models.CharField(max_length=128)
    next_nonce = models.BigIntegerField(default=0)
    paused_reason = models.CharField(
        max_length=200, default="", db_default="", help_text="Why nothing new is signed from it; empty: not paused."
    )
    lost_from = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="First nonce of final transactions that a reorg took and that are reported.",
    )
    low_since = models.DateTimeField(
        null=True, editable=False, help_text="When it was reported to hold too little to pay for transactions."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(
        null=True, editable=False, help_text="Another wallet of the account took its place; empty: in use."
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("chain_id", "address"), name="wallet_unique_on_chain"),
            models.UniqueConstraint(
                fields=("account", "chain_id"),
                condition=Q(retired_at__isnull=True),
                name="wallet_one_in_use_per_account_and_chain",
            ),
            models.CheckConstraint(condition=Q(next_nonce__gte=0), name="wallet_next_nonce_not_negative"),
        )
        triggers = (pgtrigger.Protect(name="wallet_not_deletable", operation=pgtrigger.Delete),)
        permissions = (("resume_wallet", "Can let a paused wallet sign again"),)

    def __str__(self) -> str:
        return f"{self.chain_id}:{self.address}"


class Order(models.Model):
    """One intent to swap and where it stands. `status` is written by services/transition.py alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders", db_index=False)
    client_order_id = models.CharField(max_length=64, null=True)
    request_hash = models.BinaryField(max_length=32)

    # The owner's terms: never change after the insert.
    chain_id = models.CharField(max_length=64)
    order_type = models.CharField(max_length=32)
    side = models.CharField(max_length=16)
    token_in = models.CharField(max_length=32)
    token_out = models.CharField(max_length=32)
    decimals_in = models.PositiveSmallIntegerField()
    decimals_out = models.PositiveSmallIntegerField()
    amount = AtomsField(help_text="Atoms of the fixed side.")
    terms = models.JSONField(default=dict, help_text="Guards, venues, time in force, tags and scenario as accepted.")
    expires_at = models.DateTimeField(null=True)
    held_value = AtomsField(null=True, help_text="What it counts against its account's limits; null: not counted.")

    # Where it stands.
    status = models.CharField(max_length=16, default=OrderStatus.PENDING)
    outcome = models.CharField(max_length=32, null=True)
    attempt = models.PositiveIntegerField(default=1)
    seq = models.PositiveIntegerField(default=1)
    failure = models.JSONField(null=True)

    # What routing promised, and what the chain paid.
    route = models.JSONField(null=True)
    quoted_amount_in = AtomsField(null=True)
    quoted_amount_out = AtomsField(null=True)
    min_amount_out = AtomsField(null=True)
    max_amount_in = AtomsField(null=True)
    amount_in = AtomsField(null=True)
    amount_out = AtomsField(null=True)
    tx_hash = models.CharField(max_length=128, null=True, help_text="Hash of the open or last signed transaction.")

    # Who looks at it next, and when.
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    claim_count = models.PositiveIntegerField(default=0, help_text="Claims since the last transition.")
    parked_at = models.DateTimeField(
        null=True, help_text="Its workers died too often: looked at rarely, until unparked."
    )
    cancel_requested_at = models.DateTimeField(
        null=True, help_text="Its nonce is to be used up by another transaction."
    )

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("account", "client_order_id"),
                condition=Q(client_order_id__isnull=False),
                name="order_client_order_id_unique",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_amount_positive"),
            models.CheckConstraint(condition=~Q(token_in=models.F("token_out")), name="order_tokens_differ"),
            models.CheckConstraint(condition=Q(status__in=list(OrderStatus)), name="order_status_known"),
            models.CheckConstraint(condition=Q(seq__gte=1, attempt__gte=1), name="order_counts_from_one"),
            models.CheckConstraint(
                condition=Q(status__in=LIVE, outcome__isnull=True) | Q(status__in=TERMINAL, outcome__isnull=False),
                name="order_outcome_exactly_when_terminal",
            ),
            models.CheckConstraint(
                condition=~Q(status=OrderStatus.CONFIRMED)
                | Q(amount_in__gt=0, amount_out__gt=0, tx_hash__isnull=False),
                name="order_confirmed_has_amounts",
            ),
            models.CheckConstraint(
                condition=~Q(status=OrderStatus.SUBMITTED) | Q(tx_hash__isnull=False),
                name="order_submitted_has_transaction",
            ),
        )
        indexes = (
            # One per stage, each with the stage's claim condition (services/claim.py): a claim reads its own rows only.
            models.Index(
                fields=("due_at",),
                condition=Q(status__in=(OrderStatus.PENDING, OrderStatus.ROUTING)),
                name="order_due_for_route",
            ),
            models.Index(
                fields=("due_at",),
                condition=Q(status=OrderStatus.BUILDING, tx_hash__isnull=True),
                name="order_due_for_build",
            ),
            models.Index(
                fields=("due_at",),
                condition=Q(status=OrderStatus.BUILDING, tx_hash__isnull=False),
                name="order_due_for_submit",
            ),
            models.Index(fields=("due_at",), condition=Q(status=OrderStatus.SUBMITTED), name="order_due_for_confirm"),
            models.Index(fields=("account", "-id"), name="order_by_account"),
            # What guard.py finds its evidence by: empty as long as nothing reverts.
            models.Index(
                fields=("updated_at",),
                condition=Q(outcome__in=("reverted", "insufficient_funds"), tx_hash__isnull=False),
                name="order_reverted",
            ),
        )
        triggers = (
            pgtrigger.Trigger(
                name="order_status_guard",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status__df=pgtrigger.F("new__status"))
                | pgtrigger.Q(old__seq__df=pgtrigger.F("new__seq")),
                func=_status_guard(),
            ),
            pgtrigger.Protect(name="order_not_deletable", operation=pgtrigger.Delete),
        )
        permissions = (("unpark_order", "Can unpark an order"),)

    def __str__(self) -> str:
        return f"{self.token_in} -> {self.token_out} {self.status} {self.id}"


class OrderEvent(models.Model):
    """One appended fact about an order, numbered by `seq` without holes."""

    id = models.BigAutoField(primary_key=True)
    # Both ids are copied by the statement that writes the order's own row, which cannot be deleted: a
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
        triggers = (append_only("event_append_only"),)

    def __str__(self) -> str:
        return f"{self.order_id} #{self.seq} {self.status}"


class Submission(models.Model):
    """An order's hold on one (chain, wallet, nonce). At most one is open per order.

    It is open until a final transaction has used the nonce, which an order that ran out of time does not wait for.
    Without an order it fills a gap.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # As with events: the build transaction holds the locks of both rows, and neither can be deleted.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="submissions", db_index=False, db_constraint=False, null=True
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="submissions", db_index=False, db_constraint=False
    )
    nonce = models.BigIntegerField()
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    absent_block = models.BigIntegerField(
        null=True, help_text="Final block at which the chain could no longer execute it and had no receipt."
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("wallet", "nonce"), name="submission_nonce_unique"),
            models.UniqueConstraint(
                fields=("order",), condition=Q(closed_at__isnull=True), name="submission_one_open_per_order"
            ),
            models.CheckConstraint(condition=Q(nonce__gte=0), name="submission_nonce_not_negative"),
        )
        indexes = (models.Index(fields=("order",), name="submission_by_order"),)
        triggers = (pgtrigger.Protect(name="submission_not_deletable", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"nonce {self.nonce} of {self.wallet_id}"


class SignedTransaction(models.Model):
    """One attempt under a submission: the exact bytes, kept before the first of them leaves."""

    id = models.BigAutoField(primary_key=True)
    submission = models.ForeignKey(
        Submission, on_delete=models.PROTECT, related_name="transactions", db_constraint=False
    )
    raw = models.BinaryField(editable=False)
    tx_hash = models.CharField(max_length=128)
    is_noop = models.BooleanField(default=False, db_default=False, help_text="Uses up the nonce and swaps nothing.")
    max_fee = models.BigIntegerField(default=0, db_default=0)
    priority_fee = models.BigIntegerField(default=0, db_default=0)
    deadline = models.BigIntegerField(help_text="Chain time, unix seconds, after which it reverts.")
    created_at = models.DateTimeField(db_default=Now())
    # The first broadcast is the order's SUBMITTED event, the final inclusion is in its fill or failure: written
    # here only what these do not tell, so that a quiet life costs this table no update.
    resent_at = models.DateTimeField(null=True, help_text="Last time the bytes were handed to the chain again.")
    resend_count = models.PositiveIntegerField(db_default=0, default=0)
    mined_block = models.BigIntegerField(null=True, help_text="Block of an inclusion that is not final yet.")
    mined_hash = models.CharField(max_length=128, null=True)

    class Meta:
        ordering = ("id",)
        # Not `unique=True`, which would add an index for LIKE.
        constraints = (models.UniqueConstraint(fields=("tx_hash",), name="signed_transaction_hash_unique"),)
        triggers = (pgtrigger.Protect(name="signed_transaction_not_deletable", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.tx_hash


class Fill(models.Model):
    """Executed amounts of one leg, from the receipt, in atoms."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="fills", db_index=False, db_constraint=False
    )
    leg = models.PositiveSmallIntegerField()
    amount_in = AtomsField()
    amount_out = AtomsField()
    hops = models.JSONField(default=list)
    tx_hash = models.CharField(max_length=128)
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=128, null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("order", "leg")
        constraints = (
            # One success receipt per order, for ever: a second execution could not be stored.
            models.UniqueConstraint(fields=("order", "leg"), name="fill_leg_unique"),
            models.CheckConstraint(condition=Q(amount_in__gt=0, amount_out__gt=0), name="fill_amounts_positive"),
        )
        triggers = (append_only("fill_append_only"),)

    def __str__(self) -> str:
        return f"{self.order_id} leg {self.leg}"


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


class TradingControl(models.Model):
    """A pause: what it names waits. Empty columns mean any, so a row of empty ones pauses everything."""

    chain_id = models.CharField(max_length=64, default="", blank=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    venue = models.CharField(max_length=32, default="", blank=True)
    is_by_owner = models.BooleanField(default=False, help_text="Set by the account itself, which may lift it.")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("chain_id", "account", "venue", "is_by_owner"), nulls_distinct=False, name="control_unique"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="control_has_reason"),
            models.CheckConstraint(
                condition=Q(venue="") | Q(chain_id="", account__isnull=True), name="control_of_venue_is_for_all"
            ),
        )

    def __str__(self) -> str:
        return self.scope

    @property
    def scope(self) -> str:
        """Which of the five kinds of pause it is."""
        if self.venue:
            return "venue"
        if self.account_id is None:
            return "chain" if self.chain_id else "global"
        return "wallet" if self.chain_id else "account"


class Heartbeat(models.Model):
    """When a part of the engine last said that it works, or an event last came; readiness asks."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField(db_default=Now())
    position = models.UUIDField(null=True, help_text="The last order it has seen, for a part that goes round them all.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class WsTicket(models.Model):
    """A single-use ticket that opens one WebSocket; only its digest is kept."""

    digest = models.BinaryField(max_length=32, primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    key_prefix = models.CharField(max_length=64, default="", help_text="Prefix of the key that asked; empty without.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("created_at",)
        indexes = (models.Index(fields=("created_at",), name="ws_ticket_by_age"),)

    def __str__(self) -> str:
        return f"ticket of {self.created_at}"
