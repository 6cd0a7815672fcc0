"""Prices that waiting orders are compared with: one row for each block in which orders waited for the pair."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class PairPrice(models.Model):
    """The mid price of a pair in a block: token_out for one token_in, in token units, before any cost."""

    id = models.BigAutoField(primary_key=True)
    chain_id = models.CharField(max_length=64)
    token_in = models.CharField(max_length=32)
    token_out = models.CharField(max_length=32)
    block = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())
    mid = models.DecimalField(max_digits=120, decimal_places=60)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("chain_id", "token_in", "token_out", "block"), name="pair_price_once_a_block"
            ),
            models.CheckConstraint(condition=Q(mid__gt=0), name="pair_price_positive"),
        )
        indexes = (models.Index(fields=("at",), name="pair_price_by_age"),)

    def __str__(self) -> str:
        return f"{self.token_in} in {self.token_out} at block {self.block}"
