"""Orders: the owner's terms, where each stands, what was promised and paid, and who looks at it next."""

import uuid
from datetime import timedelta
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Now
from django.db.models.lookups import GreaterThan
from uuid_utils.compat import uuid7

from orders.fields import AtomsField, TermsField
from orders.models.accounts import Account
from orders.models.due import DUE
from orders.models.listed import FAILED, list_indexes
from orders.models.triggers import (
    HAS_TAGS,
    client_id_guard,
    label_ended,
    leaves_archived,
    status_guard,
    status_refused,
)
from orders.models.waiting import LINKS, NEVER_DUE, POOL_KINDS, TRIGGER_KINDS
from orders.plan import SwapPlan
from orders.states import LIVE, TERMINAL, OrderStatus

# Which of the linked orders executes, or has.
IN_STAGES = Q(status__in=(OrderStatus.ROUTING, OrderStatus.BUILDING, OrderStatus.SUBMITTED))
# An order that was filled later than this after it was placed was filled late.
SOON = timedelta(minutes=1)
IN_TURN = Q(status__in=(OrderStatus.ROUTING, OrderStatus.BUILDING, OrderStatus.SUBMITTED, OrderStatus.CONFIRMED))


def new_id() -> uuid.UUID:
    """A UUIDv7: unique without coordination, and ordered by time."""
    return uuid7()


class Order(models.Model):
    """One intent to swap and where it stands. Only pipeline/claim.py and pipeline/transition.py write `status`.

    A parent is executed by its children, orders of their own, and stays PENDING until all of them have ended.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders", db_index=False)
    client_order_id = models.CharField(max_length=64, null=True)
    request_hash = models.BinaryField(max_length=32)

    # The owner's terms: after the insert only their owner replaces them, as long as the order waits.
    chain_id = models.CharField(max_length=64)
    order_type = models.CharField(max_length=32)
    side = models.CharField(max_length=16)
    token_in = models.CharField(max_length=32)
    token_out = models.CharField(max_length=32)
    decimals_in = models.PositiveSmallIntegerField()
    decimals_out = models.PositiveSmallIntegerField()
    amount = AtomsField(help_text="Atoms of the fixed side.")
    terms = TermsField(help_text="Guards, venues, time in force, tags and scenario as accepted.")
    expires_at = models.DateTimeField(null=True)
    held_value = AtomsField(null=True, help_text="What it counts against its account's limits; null: not counted.")
    # Null in rows of versions that knew no fees.
    native_token = models.CharField(max_length=32, null=True, help_text="The chain's own token, which pays its fees.")
    native_decimals = models.SmallIntegerField(null=True)
    # By risk/day_fees.py alone.
    counted_fee = AtomsField(
        null=True, help_text="What its fees count, in micro-units, against the limits of its day; null: not counted."
    )
    counted_day = models.DateField(null=True)
    counted_key = models.CharField(
        max_length=8, null=True, help_text="Prefix of the key against whose limit they count too."
    )
    placed_key = models.CharField(max_length=8, null=True, help_text="Prefix of the key that placed it; null: none.")

    # What an order that waits for a price is found by: the price of token_in in token_out, in token units, from which
    # on it is worth a look, and which price reaches it (models/waiting.py). Null: it waits for none.
    trigger_kind = models.CharField(max_length=16, null=True)
    trigger_at_price = models.DecimalField(max_digits=120, decimal_places=60, null=True)

    # A parent, and a child of one. Amounts are atoms.
    parent = models.ForeignKey("self", on_delete=models.PROTECT, related_name="children", null=True, db_index=False)
    is_parent = models.BooleanField(default=False, db_default=False)
    allotted = AtomsField(
        null=True, help_text="Of the fixed side, what a parent's children have filled or may yet fill; null: no parent."
    )
    slices_done = models.PositiveIntegerField(
        null=True, help_text="Of a parent's slices, how many have had their turn."
    )
    filled_amount_in = AtomsField(null=True, help_text="What a parent's ended children have given.")
    filled_amount_out = AtomsField(null=True, help_text="What a parent's ended children have received.")

    # Orders that decide on each other share a `link_id`.
    link_id = models.UUIDField(null=True)
    link = models.CharField(max_length=24, null=True, help_text="one_cancels_other or then.")
    link_rank = models.SmallIntegerField(
        null=True, help_text="Of those of one rank one executes; the next rank is placed when it has filled. From 0."
    )

    # Where it stands.
    status = models.CharField(max_length=16, default=OrderStatus.PENDING)
    outcome = models.CharField(max_length=32, null=True)
    attempt = models.PositiveIntegerField(default=1)
    seq = models.PositiveIntegerField(default=1)
    failure = models.JSONField(null=True)

    # What routing promised, and what the chain paid.
    route = models.JSONField(null=True)  # as stored: `plan` reads it
    quoted_amount_in = AtomsField(null=True)
    quoted_amount_out = AtomsField(null=True)
    min_amount_out = AtomsField(null=True)
    max_amount_in = AtomsField(null=True)
    # Benchmarks of its execution, in atoms of the side that is not fixed: orders/measures.py.
    arrival_amount = AtomsField(
        null=True, help_text="What its amount was worth at the mid price when it was first quoted; null: not known."
    )
    saved_amount = AtomsField(
        null=True, help_text="How much better than the best venue alone it was quoted last; null: not known."
    )
    amount_in = AtomsField(null=True)
    amount_out = AtomsField(null=True)
    network_fee_paid = AtomsField(
        null=True, help_text="Native atoms that its final transactions have cost; null: none is final."
    )
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
        null=True, help_text="When its cancel was stored: no swap is signed for it after that."
    )
    waiting_for = models.CharField(
        max_length=16, null=True, help_text="What it could not be tried for: chain, fees or funds; empty: nothing."
    )
    waiting_since = models.DateTimeField(
        null=True, help_text="When that began; it ends with the order's signature, not with each answer."
    )

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = (
            # The caller's id first: operators look for one without knowing whose it is.
            models.UniqueConstraint(
                fields=("client_order_id", "account"),
                condition=Q(client_order_id__isnull=False),
                name="order_client_id_unique",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_amount_positive"),
            models.CheckConstraint(condition=~Q(token_in=F("token_out")), name="order_tokens_differ"),
            models.CheckConstraint(condition=Q(status__in=list(OrderStatus)), name="order_status_known"),
            models.CheckConstraint(condition=Q(seq__gte=1, attempt__gte=1), name="order_counts_from_one"),
            models.CheckConstraint(
                condition=Q(status__in=LIVE, outcome__isnull=True) | Q(status__in=TERMINAL, outcome__isnull=False),
                name="order_outcome_exactly_when_terminal",
            ),
            models.CheckConstraint(
                condition=~Q(status=OrderStatus.CONFIRMED)
                | Q(amount_in__gt=0, amount_out__gt=0) & (Q(tx_hash__isnull=False) | Q(is_parent=True)),
                name="order_confirmed_has_amounts",
            ),
            models.CheckConstraint(
                condition=Q(is_parent=False, allotted__isnull=True)
                | Q(is_parent=True, parent__isnull=True, allotted__gte=0, allotted__lte=F("amount")),
                name="order_allotted_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(is_parent=False)
                | Q(status__in=(OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.FAILED)),
                name="order_parent_is_not_routed",
            ),
            models.CheckConstraint(
                condition=Q(trigger_kind__isnull=True, trigger_at_price__isnull=True)
                | Q(trigger_kind__in=TRIGGER_KINDS, trigger_at_price__gt=0),
                name="order_trigger_whole",
            ),
            models.CheckConstraint(
                condition=Q(link_id__isnull=True, link__isnull=True, link_rank__isnull=True)
                | Q(link_id__isnull=False, link__in=LINKS, link_rank__gte=0),
                name="order_link_whole",
            ),
            # Of linked orders that decide on each other one leaves PENDING, also with workers side by side.
            models.UniqueConstraint(
                fields=("link_id", "link_rank"), condition=Q(link_id__isnull=False) & IN_TURN, name="order_one_in_turn"
            ),
            models.CheckConstraint(
                condition=~Q(status=OrderStatus.SUBMITTED) | Q(tx_hash__isnull=False),
                name="order_submitted_has_transaction",
            ),
        )
        indexes = (
            # One per stage: a claim reads the due rows of its stage and chain only, however many wait on a chain whose
            # engine is down.
            *(models.Index(fields=("chain_id", "due_at"), condition=due.q, name=due.index) for due in DUE.values()),
            # Waiting orders, by the price that they wait for: a pass over a pair's prices reads those that it reaches.
            models.Index(
                fields=("chain_id", "token_in", "token_out", "trigger_kind", "trigger_at_price"),
                condition=Q(status=OrderStatus.PENDING, trigger_kind__isnull=False),
                name="order_waits_for_price",
            ),
            # Those that wait for a pool, by the age that it may have: an old one is compared with no order.
            models.Index(
                *("chain_id", "token_in", "token_out", "trigger_kind"),
                Cast(KT("terms__type_terms__max_age_s"), models.IntegerField()),
                "trigger_at_price",
                condition=Q(status=OrderStatus.PENDING, trigger_kind__in=POOL_KINDS),
                name="order_waits_for_pool",
            ),
            models.Index(fields=("parent", "id"), condition=Q(parent__isnull=False), name="order_children"),
            models.Index(fields=("link_id", "link_rank"), condition=Q(link_id__isnull=False), name="order_linked"),
            # Linked orders that are due, and those that have ended and whose group does not know yet.
            models.Index(
                fields=("chain_id", "due_at"),
                condition=Q(link_id__isnull=False, due_at__lt=NEVER_DUE) & ~IN_STAGES,
                name="order_link_due",
            ),
            # Of an account, newest first; an open order is in the first of them alone.
            models.Index(fields=("account", "created_at", "id"), condition=Q(outcome__isnull=True), name="order_open"),
            *list_indexes("order", ("account",), "id"),
            # Filled long after they were placed, by when that was: what other orders are found by is when they were
            # placed. An order that is filled at once is not in it, and costs it nothing.
            models.Index(
                fields=("account", "token_in", "token_out", "updated_at"),
                condition=Q(outcome="filled") & Q(GreaterThan(F("updated_at") - F("created_at"), SOON)),
                name="order_filled_late",
            ),
            # Of all accounts, for operators.
            models.Index(fields=("id",), condition=FAILED, name="order_failed_of_all"),
            models.Index(fields=("outcome", "id"), condition=FAILED, name="order_outcome_of_all"),
            models.Index(fields=("id",), condition=Q(parked_at__isnull=False), name="order_parked"),
            # What the fees of a day are compared with: empty as long as no limit counts them.
            models.Index(
                fields=("account", "counted_day"), condition=Q(counted_fee__isnull=False), name="order_by_counted_fee"
            ),
            # What revert_guard.py finds its evidence by: empty as long as nothing reverts.
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
                condition=pgtrigger.Condition(status_refused()),
                func=status_guard(),
            ),
            leaves_archived("order_not_deletable", "OLD.id"),
            pgtrigger.Trigger(
                name="order_client_id_not_archived",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.client_order_id IS NOT NULL"),
                func=client_id_guard(),
            ),
            # Two, since only the second has a row as it was before.
            pgtrigger.Trigger(
                name="order_label_inserted",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(f"NEW.outcome IS NOT NULL AND {HAS_TAGS}"),
                func=label_ended(),
            ),
            pgtrigger.Trigger(
                name="order_label_ended",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"OLD.outcome IS NULL AND NEW.outcome IS NOT NULL AND {HAS_TAGS}"),
                func=label_ended(),
            ),
        )
        permissions = (("unpark_order", "Can unpark an order"),)

    def __str__(self) -> str:
        return f"{self.token_in} -> {self.token_out} {self.status} {self.id}"

    @property
    def plan(self) -> SwapPlan | None:
        """How it is to be swapped, or was; None before it is routed. Read once for each stored form."""
        known: tuple[Any, SwapPlan | None] | None = self.__dict__.get("_plan")
        if known is None or known[0] is not self.route:
            known = self.route, None if self.route is None else SwapPlan.from_json(self.route, self.side)
            self.__dict__["_plan"] = known
        return known[1]
