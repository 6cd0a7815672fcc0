"""The simulated chain's memory in PostgreSQL. Read and written by store.py alone, in bulk statements."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

ATOMS_DIGITS = 78  # 2**256 has 78 decimal digits


class Block(models.Model):
    """A block that holds transactions; blocks without any are implied by the time between two numbers."""

    number = models.BigIntegerField(primary_key=True)
    block_hash = models.CharField(max_length=66, unique=True)
    parent_hash = models.CharField(max_length=66)
    at = models.DateTimeField(db_default=Now())
    is_empty = models.BooleanField(db_default=False, help_text="Made only to begin a branch or to let time pass.")

    class Meta:
        ordering = ("number",)

    def __str__(self) -> str:
        return f"block {self.number}"


class Undo(models.Model):
    """What a block changed, as it was before: pools (state and version), balances and nonces; null: was not there.

    Kept a little longer than the block can be taken back by the rules, so that an incident can be played as well.
    """

    number = models.BigIntegerField(primary_key=True)
    pools = models.JSONField()
    balances = models.JSONField()
    nonces = models.JSONField()
    is_doomed = models.BooleanField(help_text="Holds an order that asked for a reorg.")

    class Meta:
        ordering = ("number",)

    def __str__(self) -> str:
        return f"undo of block {self.number}"


class PoolState(models.Model):
    """A pool as it is after the newest block that touched it; `version` is that block's hash."""

    pool_id = models.CharField(max_length=64, primary_key=True)
    position = models.PositiveIntegerField()
    venue = models.CharField(max_length=32)
    kind = models.CharField(max_length=32)
    tokens = models.JSONField()
    state = models.JSONField()
    version = models.CharField(max_length=66)
    born_at = models.DateTimeField(null=True, help_text="When its block was made; null: with the genesis.")

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return self.pool_id


class ChainAccount(models.Model):
    """An address that the chain has seen, and the nonce it must use next."""

    address = models.CharField(max_length=128, primary_key=True)
    next_nonce = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("address",)

    def __str__(self) -> str:
        return self.address


class Balance(models.Model):
    """Atoms of one token at one address."""

    address = models.CharField(max_length=128)
    token = models.CharField(max_length=32)
    atoms = models.DecimalField(max_digits=ATOMS_DIGITS, decimal_places=0)

    class Meta:
        ordering = ("address", "token")
        constraints = (
            models.UniqueConstraint(fields=("address", "token"), name="simulated_balance_unique"),
            models.CheckConstraint(condition=Q(atoms__gte=0), name="simulated_balance_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.address} {self.atoms} {self.token}"


class ChainTransaction(models.Model):
    """Bytes that reached the chain.

    `state`: pending, unseen (refused once), forgotten (dropped), stuck (too low a fee for any block), replaced
    (another one used its nonce), included.
    """

    tx_hash = models.CharField(max_length=66, primary_key=True)
    wallet = models.CharField(max_length=128)
    nonce = models.BigIntegerField()
    raw = models.BinaryField()
    max_fee = models.BigIntegerField(db_default=0)
    priority_fee = models.BigIntegerField(db_default=0)
    state = models.CharField(max_length=16)
    hold_until = models.DateTimeField(null=True)
    broadcast_count = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(db_default=Now())
    taken_back_count = models.PositiveIntegerField(db_default=0, help_text="Reorgs that took it out of a block.")

    block_number = models.BigIntegerField(null=True)
    code = models.CharField(max_length=32, null=True)
    detail = models.TextField(default="")
    amount_in = models.DecimalField(max_digits=ATOMS_DIGITS, decimal_places=0, null=True)
    amount_out = models.DecimalField(max_digits=ATOMS_DIGITS, decimal_places=0, null=True)
    route = models.JSONField(null=True)
    fee_paid = models.BigIntegerField(db_default=0, help_text="Atoms of the native token that its block took.")

    class Meta:
        ordering = ("received_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("wallet", "nonce"), condition=Q(state="included"), name="simulated_nonce_used_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("pending", "unseen", "forgotten", "stuck", "replaced"), block_number__isnull=True
                )
                | Q(state="included", block_number__isnull=False),
                name="simulated_included_has_block",
            ),
        )
        indexes = (
            models.Index(fields=("wallet", "nonce"), name="simulated_by_nonce"),
            models.Index(fields=("wallet", "nonce"), condition=Q(state="pending"), name="simulated_mempool"),
        )

    def __str__(self) -> str:
        return self.tx_hash
