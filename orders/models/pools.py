"""Pools that this engine has seen, for orders that wait for new ones: how old a pool is at least, or at most."""

from django.db import models
from django.db.models.functions import Now


class SeenPool(models.Model):
    """A pool of a chain, from the first look on that had it.

    Of a chain that dates its pools `born_at` is the unix time of the block that created it, null where the chain does
    not say: then the pool counts as old. Of another chain `absent_at` is when the last look before began, in which it
    was not there; null: there was none, so that its age is not known, and it counts as old as well.
    """

    id = models.BigAutoField(primary_key=True)
    chain_id = models.CharField(max_length=64)
    pool_id = models.CharField(max_length=128)
    seen_at = models.DateTimeField(db_default=Now())
    absent_at = models.DateTimeField(null=True)
    born_at = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("chain_id", "pool_id"), name="seen_pool_once"),)

    def __str__(self) -> str:
        return f"{self.pool_id} on {self.chain_id}"
