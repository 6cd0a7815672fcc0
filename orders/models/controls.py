"""What says whether orders go on: tokens that they may name, pauses, signs of life."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.fields import AtomsField
from orders.models.accounts import Account


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
        verbose_name = "pause"
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


def heartbeat_name(name: str, chain_id: str) -> str:
    """The name under which the engine on a chain notes a heartbeat."""
    return f"{name}:{chain_id}"


class Heartbeat(models.Model):
    """When a part of an engine last said that it works, or an event last came; readiness asks."""

    name = models.CharField(max_length=128, primary_key=True, help_text="The part, and the chain of its engine.")
    at = models.DateTimeField(db_default=Now())
    position = models.UUIDField(null=True, help_text="The last order it has seen, for a part that goes round them all.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
