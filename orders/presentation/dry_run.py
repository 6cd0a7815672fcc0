"""What a dry run answers: the order as it would be, and a parent's slices."""

from typing import NamedTuple

from orders.event_log.event import timestamp
from orders.models import Order
from orders.order_types import Slice
from orders.presentation.amounts import amount, fixed_decimals
from orders.presentation.orders import ORDER
from orders.shapes import Shape, listed, time, uuid


class PlannedSlice(NamedTuple):
    """A slice of a parent that is not placed."""

    order: Order
    slice: Slice


SLICE = Shape[PlannedSlice](
    "SliceShape",
    "A slice of a parent as it is planned.",
    {
        "at": time(lambda planned: timestamp(planned.slice.at), "Its turn; jitter may make it later."),
        **amount("amount", lambda p: p.slice.amount, lambda p: fixed_decimals(p.order), "The fixed side, token units."),
    },
)
DRY_RUN_ORDER = Shape[Order](
    "DryRunOrderShape",
    "What would become of an order; it is not stored.",
    {
        **ORDER.fields,
        "id": uuid(lambda _: None, "Always null: nothing was stored.", null=True),
        "outline": listed(
            SLICE,
            lambda order: (
                None
                if (slices := getattr(order, "outline", None)) is None
                else [SLICE.render(PlannedSlice(order, item)) for item in slices]
            ),
            "A parent's slices, if each is filled in its turn; null for other orders.",
            null=True,
        ),
    },
)
