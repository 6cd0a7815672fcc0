"""The price as a curve of an order's size, as POST /quotes/curve shows it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dex import Side
from orders.amounts import ppm_to_bps
from orders.measures import benchmark, cost, share_bps
from orders.plan import SwapPlan
from orders.presentation.amounts import amount, bps
from orders.presentation.fees import NETWORK_FEE, planned_fee
from orders.presentation.price import price
from orders.problems import PROBLEM, Problem
from orders.shapes import GIVEN, Shape, choice, integer, listed, nested, text, time
from orders.terms import NewOrder


class Point(NamedTuple):
    """An amount, and how it would be routed, or why it would not."""

    new: NewOrder
    plan: SwapPlan | None
    problem: Problem | None

    @property
    def amount_in(self) -> int | None:
        """Atoms that it gives."""
        return None if self.plan is None else self.plan.route.amount_in

    @property
    def amount_out(self) -> int | None:
        """Atoms that it gets."""
        return None if self.plan is None else self.plan.route.amount_out

    @property
    def average_price(self) -> str | None:
        """token_out for one token_in."""
        if self.amount_in is None or self.amount_out is None:
            return None
        return price(self.amount_in, self.amount_out, self.new.decimals_in, self.new.decimals_out)

    @property
    def cost_bps(self) -> str | None:
        """All that it loses against the mid price: to venues, by its size, to the network; None: not known."""
        if self.plan is None:
            return None
        mid = benchmark(self.new.side, self.amount_in, self.amount_out, self.plan.mid_amount_out)
        return share_bps(cost(self.new.side, mid, self.plan.net_amount), mid)


class Curve(NamedTuple):
    """Points on one market; `first` is the first of their orders, which all are like it but for the amount."""

    first: NewOrder
    version: int
    points: Sequence[Point]


def _fixed_decimals(point: Point) -> int:
    return point.new.decimals_in if point.new.side is Side.EXACT_IN else point.new.decimals_out


POINT = Shape[Point](
    "CurvePointShape",
    "What POST /quotes would answer to this amount on the same market.",
    {
        **amount("amount", lambda point: point.new.amount, _fixed_decimals, "The fixed side, token units."),
        **amount("amount_in", lambda point: point.amount_in, lambda point: point.new.decimals_in, null=True),
        **amount("amount_out", lambda point: point.amount_out, lambda point: point.new.decimals_out, null=True),
        "price": text(lambda point: point.average_price, "token_out for one token_in, for display only.", null=True),
        "price_impact_bps": bps(
            lambda point: point.plan and ppm_to_bps(point.plan.price_impact_ppm), "By the order's own size.", null=True
        ),
        "cost_bps": bps(
            about="All that is lost against the mid price: venue fees, own size, network fee. Null: not known.",
            null=True,
        ),
        "network_fee": nested(NETWORK_FEE, lambda point: point.plan and planned_fee(point.plan), null=True),
        "swaps": integer(
            lambda point: point.plan and len(point.plan.route.hops), "That its route is made of.", null=True
        ),
        "problem": nested(PROBLEM, lambda point: point.problem and point.problem.to_json(), null=True),
    },
)
CURVE = Shape[Curve](
    "CurveShape",
    "Quotes of several amounts on one market; nothing is stored, and none can be named by an order.",
    {
        "token_in": text(lambda curve: curve.first.token_in),
        "token_out": text(lambda curve: curve.first.token_out),
        "side": choice(Side, lambda curve: curve.first.side),
        "chain": text(lambda curve: curve.first.chain_id),
        "snapshot_version": integer(lambda curve: curve.version, "The block of the market."),
        "quoted_at": time(GIVEN),
        "results": listed(
            POINT, lambda curve: [POINT.render(point) for point in curve.points], "In the order of the amounts sent."
        ),
    },
)


def curve_json(curve: Curve, quoted_at: str) -> dict[str, Any]:
    """The public JSON."""
    return CURVE.render(curve, quoted_at=quoted_at)
