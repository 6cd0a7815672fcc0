"""How far a parent is, as its events tell it and as the order object shows it."""

from typing import Any, Protocol

from orders.amounts import format_units
from orders.models import Order
from orders.order_types import slices_of
from orders.presentation.amounts import amount
from orders.presentation.price import price
from orders.shapes import Field, integer, text


class _Filled(Protocol):
    """A parent's sums, in atoms."""

    @property
    def decimals_in(self) -> int: ...
    @property
    def decimals_out(self) -> int: ...
    @property
    def filled_in(self) -> int: ...
    @property
    def filled_out(self) -> int: ...
    @property
    def open_amount(self) -> int: ...


def progress_json(family: _Filled, slices_done: int) -> dict[str, Any]:
    """What its ended children have filled; `open_amount_raw` is what the others may yet fill of the fixed side."""
    return {
        "slices_done": slices_done,
        "filled_amount_in": format_units(family.filled_in, family.decimals_in),
        "filled_amount_in_raw": str(family.filled_in),
        "filled_amount_out": format_units(family.filled_out, family.decimals_out),
        "filled_amount_out_raw": str(family.filled_out),
        "average_price": average_price(family.filled_in, family.filled_out, family.decimals_in, family.decimals_out),
        "open_amount_raw": str(family.open_amount),
    }


def average_price(filled_in: int | None, filled_out: int | None, decimals_in: int, decimals_out: int) -> str | None:
    """token_out per token_in in token units over all that is filled; None where nothing is."""
    return price(filled_in, filled_out, decimals_in, decimals_out) if filled_in and filled_out else None


FILLED = "Of a parent: what its ended children have filled; null for other orders."
OF_PARENTS: dict[str, Field[Order]] = {
    **amount("filled_amount_in", lambda o: o.filled_amount_in, lambda o: o.decimals_in, FILLED, null=True),
    **amount("filled_amount_out", lambda o: o.filled_amount_out, lambda o: o.decimals_out, FILLED, null=True),
    "average_price": text(
        lambda o: average_price(o.filled_amount_in, o.filled_amount_out, o.decimals_in, o.decimals_out),
        "Of a parent: token_out per token_in over all that is filled, for display only; null: nothing is.",
        null=True,
    ),
    "slices_done": integer(about="Of a parent: how many of its slices have had their turn.", null=True),
    "slices_total": integer(
        lambda order: slices_of(order.order_type, order) if order.is_parent else None,
        "Of a parent: how many slices it has.",
        null=True,
    ),
}
