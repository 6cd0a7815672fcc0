"""Prices that waiting orders are compared with: one row for each block in which orders waited. And those of charts."""

from django.db import models
from django.db.models import F, Q
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


class PriceBucket(models.Model):
    """Mid prices of a pair within `span_s` seconds from `at` on, for charts: the first one, the extremes, the last.

    Of each pair that a pool trades directly, whether orders wait for it or not, and so the same for all accounts. The
    widths, and how long each is kept, stand in orders/prices/grid.py.
    """

    pk = models.CompositePrimaryKey("chain_id", "token_in", "token_out", "span_s", "at")
    chain_id = models.CharField(max_length=64)
    token_in = models.CharField(max_length=32)
    token_out = models.CharField(max_length=32)
    span_s = models.PositiveIntegerField()
    at = models.DateTimeField()
    first = models.DecimalField(max_digits=120, decimal_places=60)
    low = models.DecimalField(max_digits=120, decimal_places=60)
    high = models.DecimalField(max_digits=120, decimal_places=60)
    last = models.DecimalField(max_digits=120, decimal_places=60)

    class Meta:
        ordering = ("chain_id", "token_in", "token_out", "span_s", "at")
        constraints = (
            models.CheckConstraint(
                condition=Q(low__gt=0, first__gte=F("low"), last__gte=F("low"), high__gte=F("first"))
                & Q(high__gte=F("last")),
                name="price_bucket_in_order",
            ),
        )
        indexes = (models.Index(fields=("span_s", "at"), name="price_bucket_by_age"),)

    def __str__(self) -> str:
        return f"{self.token_in} in {self.token_out} for {self.span_s} s from {self.at}"
