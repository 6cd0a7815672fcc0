"""The benchmarks of an order, and what each step from one to the next has cost. Pure.

Amounts are of the side that is not fixed: what exact_in receives, what exact_out gives. A cost is positive where the
owner has lost. docs/execution-quality.md explains each figure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dex import Side
from orders.measures import benchmark, cost, share_bps
from orders.models import Order
from orders.presentation.amounts import amount, bps
from orders.presentation.fees import paid_value
from orders.shapes import Field, Shape, nested


class Cost(NamedTuple):
    """Atoms that are lost (negative: gained) against `of`, which basis points are counted from."""

    atoms: int
    of: int | None
    decimals: int


@dataclass(frozen=True)
class Measured:
    """The benchmarks of an order, in atoms of the side that is not fixed; None: not known. Of a parent they are sums.

    The steps from one to the next are its costs: arrival, mid (of the last quote), marginal, quoted, executed.
    """

    side: str
    decimals: int
    arrival: int | None
    mid: int | None
    marginal: int | None
    quoted: int | None
    executed: int | None
    network_fee: int | None

    def cost(self, before: int | None, after: int | None) -> Cost | None:
        """What the step from one benchmark to another costs."""
        atoms = cost(self.side, before, after)
        return None if atoms is None else Cost(atoms, before, self.decimals)

    @property
    def vs_arrival(self) -> Cost | None:
        """The implementation shortfall."""
        return self.cost(self.arrival, self.executed)

    @property
    def fee(self) -> Cost | None:
        """What the network was paid."""
        return None if self.network_fee is None else Cost(self.network_fee, self.arrival, self.decimals)

    @property
    def total(self) -> Cost | None:
        """Both."""
        shortfall = self.vs_arrival
        if shortfall is None or self.network_fee is None:
            return None
        return Cost(shortfall.atoms + self.network_fee, self.arrival, self.decimals)


def counter_decimals(order: Order) -> int:
    """The exponent of the token that the order's side does not fix."""
    return order.decimals_out if order.side == Side.EXACT_IN else order.decimals_in


def measured(order: Order) -> Measured:
    """The benchmarks of an order that is no parent."""
    plan, side = order.plan, order.side
    quoted_in, quoted_out = order.quoted_amount_in, order.quoted_amount_out
    is_exact_in = side == Side.EXACT_IN
    mid = None if plan is None else benchmark(side, quoted_in, quoted_out, plan.mid_amount_out)
    marginal = None if plan is None else benchmark(side, quoted_in, quoted_out, plan.marginal_amount_out)
    paid = order.network_fee_paid
    return Measured(
        side,
        counter_decimals(order),
        order.arrival_amount,
        mid,
        marginal,
        quoted_out if is_exact_in else quoted_in,
        order.amount_out if is_exact_in else order.amount_in,
        None if paid is None or plan is None else paid_value(plan, paid),
    )


def family_measured(parent: Order, children: Sequence[Order]) -> Measured:
    """The sums over children that were executed; each None where one of them does not know its part.

    The network is paid by children that were not executed, too.
    """
    parts = [measured(child) for child in children if child.amount_out is not None]
    fees = [measured(child).network_fee for child in children if child.network_fee_paid is not None]
    return Measured(
        parent.side,
        counter_decimals(parent),
        sum_of(part.arrival for part in parts),
        sum_of(part.mid for part in parts),
        sum_of(part.marginal for part in parts),
        sum_of(part.quoted for part in parts),
        sum_of(part.executed for part in parts),
        sum_of(fees),
    )


def sum_of(values: Iterable[int | None]) -> int | None:
    """The sum; None without any, and where one of them is not known."""
    amounts = list(values)
    known = [value for value in amounts if value is not None]
    return sum(known) if amounts and len(known) == len(amounts) else None


COST = Shape[Cost](
    "CostShape",
    "What a step has cost, in `cost_token`: positive is lost, negative is gained.",
    {
        **amount("amount", lambda it: it.atoms, lambda it: it.decimals),
        "bps": bps(
            lambda it: share_bps(it.atoms, it.of),
            "Of the benchmark that the step begins at; null: that is not known.",
            null=True,
        ),
    },
)


def _cost(read: Callable[[Measured], Cost | None]) -> Field[Measured]:
    return nested(COST, lambda source: (found := read(source)) and COST.render(found), null=True)


SHORTFALL = Shape[Measured](
    "ShortfallShape",
    "What the execution has cost. In atoms vs_arrival = delay + market + vs_quote, market = venue_fees + price_impact,"
    " and total = vs_arrival + network_fee, exactly.",
    {
        "vs_arrival": _cost(lambda m: m.vs_arrival),
        "vs_quote": _cost(lambda m: m.cost(m.quoted, m.executed)),
        "delay": _cost(lambda m: m.cost(m.arrival, m.mid)),
        "market": _cost(lambda m: m.cost(m.mid, m.quoted)),
        "venue_fees": _cost(lambda m: m.cost(m.mid, m.marginal)),
        "price_impact": _cost(lambda m: m.cost(m.marginal, m.quoted)),
        "network_fee": _cost(lambda m: m.fee),
        "total": _cost(lambda m: m.total),
    },
)
