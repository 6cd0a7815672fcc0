"""Tags of orders that have ended, where lists find the orders by them. Open ones are few: their terms are read."""

from django.db import models

from orders.models.accounts import Account
from orders.models.listed import list_indexes
from orders.models.orders import Order


class OrderLabel(models.Model):
    """A tag of an order, or a tag's name, with what lists narrow by. Written once, by the trigger that sees it end."""

    pk = models.CompositePrimaryKey("order_id", "label")
    # As with events: the statement that writes it holds the order's own row.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="labels", db_index=False, db_constraint=False
    )
    label = models.TextField(help_text="Length of the name, the name, and the value, as `label_of` writes it.")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    created_at = models.DateTimeField(help_text="The order's.")
    token_in = models.CharField(max_length=32)
    token_out = models.CharField(max_length=32)
    outcome = models.CharField(max_length=32)

    class Meta:
        ordering = ("order", "label")
        indexes = list_indexes("label", ("account", "label"), "order")

    def __str__(self) -> str:
        return f"{self.label} of {self.order_id}"


def label_of(name: str, value: str | None) -> str:
    """The label of a tag; of its name alone without a value. As the trigger writes it."""
    head = f"{len(name)}:{name}"
    return head if value is None else f"{head}:{value}"
