"""Limit orders that are filled in parts, on the simulated chain, for tests."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from dex import Engine, Side
from orders.config import Policy
from orders.models import Account, Order
from orders.order_types import ORDER_TYPES, atoms_price
from orders.states import Stage
from orders.terms import NewOrder
from orders.tests.factories import terms
from orders.tests.pipeline.parents.families import children_of, work
from orders.waiting.trigger_pass import trigger_orders

SOL_USDC = ("SOL", "USDC")
# Far more than the market gives near its price.
LARGE = 10**6 * 10**9


def market_price(engine: Engine) -> Fraction:
    """The best marginal price of SOL in USDC, in token units."""
    marginal = engine.prices([SOL_USDC]).by_pair[SOL_USDC].marginal
    assert marginal is not None
    return Fraction(marginal) * 1000


def near(engine: Engine, bps: int) -> str:
    """A limit price so far below the mid price, which no small pool sets."""
    mid = engine.prices([SOL_USDC]).by_pair[SOL_USDC].mid
    assert mid is not None
    return format(Decimal(int(Fraction(mid) * 1000 * (10_000 - bps) * 10**5)).scaleb(-9), "f")


def partial(price: str, **changes: Any) -> NewOrder:
    """A limit order that may be filled in parts, SOL -> USDC unless changed."""
    in_force = changes.pop("time_in_force", "gtd" if changes.get("expires_at") else "gtc")
    own = {"limit_price": price, "allow_partial": True}
    new = terms(**{"amount": LARGE, "order_type": "limit", "type_terms": own, "time_in_force": in_force, **changes})
    assert ORDER_TYPES["limit"].check(new) is None
    return new


def market_pass(engine: Engine, policy: Policy, *stages: Stage) -> None:
    """A block has come: a trigger pass, and all that follows from it at once."""
    trigger_orders(engine, policy, at_least_s=0.0)
    work(engine, policy, *stages)


def time_passes(account: Account) -> None:
    """So much that every wait that ends by time is over."""
    rows = Order.objects.filter(account=account, outcome=None)
    rows.update(updated_at=F("updated_at"), due_at=Now())


def check_limits(parent: Order) -> None:
    """In integers: the limit, of each part and of all together; the sums; one end, after those of its parts."""
    parent.refresh_from_db()
    rate = atoms_price(ORDER_TYPES["limit"].own(parent).limit_price, parent)
    children = children_of(parent)
    filled = [child for child in children if child.status == "CONFIRMED"]
    for child in filled:
        assert child.amount_in is not None
        assert child.amount_out is not None
        assert child.amount_out >= child.amount_in * rate
        fixed = child.amount_in if parent.side == Side.EXACT_IN else child.amount_out
        assert fixed >= child.amount if parent.side == Side.EXACT_OUT else fixed == child.amount
    assert (parent.filled_amount_out or 0) >= (parent.filled_amount_in or 0) * rate
    open_now = [child for child in children if child.outcome is None]
    assert len(open_now) <= 1
    assert sum(child.amount for child in filled + open_now) <= parent.amount
    if parent.outcome is not None:
        assert open_now == []
        assert (parent.amount_in or 0) == sum(child.amount_in or 0 for child in filled)
        assert (parent.amount_out or 0) == sum(child.amount_out or 0 for child in filled)
        whole = sum(child.amount for child in filled) == parent.amount
        assert (parent.outcome == "filled") == whole
        assert (parent.status == "CONFIRMED") == bool(filled)
