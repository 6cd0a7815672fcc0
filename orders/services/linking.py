"""How orders of one request decide on each other (pipeline/life/links.py), as it is stored with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from orders.models import Order, new_id
from orders.models.waiting import NEVER_DUE
from orders.pipeline.life.arming import SIBLING


@dataclass(frozen=True, slots=True)
class Link:
    """The kind of a link (models/waiting.py), and the rank of each order of the request."""

    kind: str
    ranks: Sequence[int]


def link_orders(orders: Sequence[Order], link: Link) -> None:
    """Link rows that are not stored yet: those of the first rank are placed now, the others wait for them."""
    link_id = new_id()
    for order, rank in zip(orders, link.ranks, strict=False):
        order.link_id, order.link, order.link_rank = link_id, link.kind, rank
        if rank:
            order.waiting_for, order.due_at = SIBLING, order.expires_at or NEVER_DUE
            order.trigger_kind = order.trigger_at_price = None
