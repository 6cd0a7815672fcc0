"""Wallets, and what was signed with them: the hold on each nonce and the exact bytes under it."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.fields import AtomsField
from orders.models.accounts import Account
from orders.models.orders import Order, new_id
from orders.models.triggers import cancel_guard, leaves_archived


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
    archived_below = models.BigIntegerField(
        db_default=0,
        default=0,
        editable=False,
        help_text="First nonce of which none and no later one is in an archive.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(
        null=True, editable=False, help_text="Another wallet of the account took its place; empty: in use."
    )

    # Whether something signed from it may be on its way; those who need not look read it with the row (`wallets.py`).
    is_busy = True

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


class Submission(models.Model):
    """An order's hold on one (chain, wallet, exclusion key). At most one is open per order.

    It is open until a final transaction has used the key, which an order that ran out of time does not wait for.
    Without an order it fills a gap.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # As with events: the build transaction holds the locks of both rows, and neither is deleted before it.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="submissions", db_index=False, db_constraint=False, null=True
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="submissions", db_index=False, db_constraint=False
    )
    # The exclusion key (docs/glossary.md). Its column was named when nonces were the only keys: renaming it would stop
    # workers of the version before while an engine is updated.
    key = models.BigIntegerField(db_column="nonce")
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    fee_paid = AtomsField(null=True, help_text="Native atoms that its final transaction cost; null: none of ours.")
    absent_block = models.BigIntegerField(
        null=True, help_text="Final block at which the chain could no longer execute it and had no receipt."
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("wallet", "key"), name="submission_nonce_unique"),
            models.UniqueConstraint(
                fields=("order",), condition=Q(closed_at__isnull=True), name="submission_one_open_per_order"
            ),
            models.CheckConstraint(condition=Q(key__gte=0), name="submission_nonce_not_negative"),
        )
        indexes = (models.Index(fields=("order",), name="submission_by_order"),)
        triggers = (leaves_archived("submission_not_deletable"),)

    def __str__(self) -> str:
        return f"key {self.key} of {self.wallet_id}"


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
        triggers = (
            leaves_archived(
                "signed_transaction_not_deletable",
                "(SELECT s.order_id FROM orders_submission s WHERE s.id = OLD.submission_id)",
            ),
            # Once for each statement, at its end: the statement that signs stores the submission too.
            pgtrigger.Trigger(
                name="signed_transaction_not_after_cancel",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="stored"),  # type: ignore[no-untyped-call]
                func=cancel_guard(),
            ),
        )

    def __str__(self) -> str:
        return self.tx_hash
