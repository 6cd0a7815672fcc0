"""How well an order was executed: what it cost against each benchmark, and how that came about. Pure.

Amounts are of the side that is not fixed: what exact_in receives, what exact_out gives. A cost is positive where the
owner has lost, and what was saved positive where he has gained. docs/execution-quality.md explains each figure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from dex import Side
from orders.amounts import bps_text, ppm_to_bps
from orders.event_log.event import timestamp
from orders.measures import share_bps
from orders.models import Order
from orders.presentation.amounts import UNITS, amount, bps
from orders.presentation.attempts import ATTEMPT, STEP, TriedOf
from orders.presentation.costs import (
    COST,
    SHORTFALL,
    Cost,
    Measured,
    counter_decimals,
    family_measured,
    measured,
    sum_of,
)
from orders.presentation.fees import NETWORK_FEE, paid_fee, planned_fee
from orders.presentation.history import History
from orders.presentation.price import price
from orders.presentation.routes import GAP_DECIMALS, VENUE_QUOTE, Alone
from orders.shapes import Field, Shape, choice, integer, listed, nested, text, time, uuid
from orders.states import OrderStatus


@dataclass(frozen=True)
class Execution:
    """An order with what has happened to it; a parent with its children, each measured by itself."""

    order: Order
    history: History
    children: Sequence[Order] = ()

    @cached_property
    def measured(self) -> Measured:
        """Its benchmarks. What an attempt that came to nothing has taken from the row, its events still tell."""
        if self.order.is_parent:
            return family_measured(self.order, self.children)
        found, quote = measured(self.order), self.history.last_quote
        if self.order.route is None and quote is not None and quote.is_of(self.order):
            return replace(found, mid=quote.mid(self.order.side))
        return found

    @property
    def token(self) -> str:
        """What costs are counted in."""
        return self.order.token_out if self.order.side == Side.EXACT_IN else self.order.token_in


LOSING_QUOTE = Shape[Alone](
    "LosingQuoteShape",
    "What one venue alone would have given, and how far that is behind the route.",
    {
        **VENUE_QUOTE.fields,
        **amount(
            "behind",
            lambda alone: alone.plan.venue_behind(alone.quote),
            lambda alone: alone.plan.decimals_out if alone.plan.side is Side.EXACT_IN else alone.plan.decimals_in,
            "How much less it would have paid, or more it would have asked, in `cost_token`, net of network fees where"
            " those of all venues are known; negative: it would have been better. null: it refuses.",
            null=True,
        ),
        "behind_bps": bps(
            lambda alone: share_bps(
                alone.plan.venue_behind(alone.quote),
                alone.quote.amount_out if alone.plan.side is Side.EXACT_IN else alone.quote.amount_in,
            ),
            "The same, of what that venue alone would have paid or asked.",
            null=True,
        ),
    },
)


class Child(NamedTuple):
    """A child of a parent."""

    order: Order


CHILD = Shape[Child](
    "ChildExecutionShape",
    "A child of the order; its own /execution has the rest.",
    {
        "id": uuid(lambda child: str(child.order.id)),
        "status": choice(OrderStatus, lambda child: child.order.status),
        "outcome": text(lambda child: child.order.outcome, null=True),
        **amount("amount_in", lambda c: c.order.amount_in, lambda c: c.order.decimals_in, null=True),
        **amount("amount_out", lambda c: c.order.amount_out, lambda c: c.order.decimals_out, null=True),
        "vs_arrival": nested(
            COST, lambda child: (found := measured(child.order).vs_arrival) and COST.render(found), null=True
        ),
    },
)


def _saved(it: Execution) -> Cost | None:
    """As it was stored with the last quote, which reports sum too; of a parent the sum over its executed children."""
    saved = it.order.saved_amount
    if it.order.is_parent:
        saved = sum_of(child.saved_amount for child in it.children if child.amount_out is not None)
    return None if saved is None else Cost(saved, None, counter_decimals(it.order))


def price_moved(it: Execution) -> Cost | None:
    """How much worse the amount was by what was known last than by its first quote; None: one of the two is not known.

    Quotes of another amount, which its owner has replaced, do not count.
    """
    order, side = it.order, it.order.side
    other = "amount_out" if side == Side.EXACT_IN else "amount_in"
    quotes = [quote for quote in it.history.quotes if quote.is_of(order)]
    known = [amount for quote in quotes if (amount := quote.amount(side)) is not None]
    told = ((order.failure or {}).get("facts") or {}).get(other)
    if known and isinstance(told, str) and told.isdecimal():
        known.append(int(told))
    return it.measured.cost(known[0], known[-1]) if len(known) > 1 else None


def _price_of(counter: Callable[[Measured], int | None]) -> Callable[[Execution], str | None]:
    """As token_out per token_in in token units, of the amount that was filled of a parent."""

    def read(it: Execution) -> str | None:
        order, other = it.order, counter(it.measured)
        fixed = _fixed(it)
        if other is None or not fixed:
            return None
        ends = (fixed, other) if order.side == Side.EXACT_IN else (other, fixed)
        return price(*ends, order.decimals_in, order.decimals_out)

    return read


def _fixed(it: Execution) -> int:
    order = it.order
    if not order.is_parent:
        return int(order.amount)
    filled: int | None = order.filled_amount_in if order.side == Side.EXACT_IN else order.filled_amount_out
    return filled or 0


def _benchmark(name: str, read: Callable[[Measured], int | None], about: str) -> dict[str, Field[Execution]]:
    return amount(name, lambda it: read(it.measured), lambda it: it.measured.decimals, about, null=True)


def _bound(it: Execution) -> int | None:
    return it.order.plan.bound if it.order.plan else None


_ABOUT = "In `cost_token`; of a parent the sum over its executed children; null: not known."
EXECUTION = Shape[Execution](
    "ExecutionShape",
    "How well an order was executed: docs/execution-quality.md explains each figure.",
    {
        "order_id": uuid(lambda it: str(it.order.id)),
        "client_order_id": text(lambda it: it.order.client_order_id, null=True),
        "status": choice(OrderStatus, lambda it: it.order.status),
        "outcome": text(lambda it: it.order.outcome, null=True),
        "type": text(lambda it: it.order.order_type),
        "side": choice(Side, lambda it: it.order.side),
        "token_in": text(lambda it: it.order.token_in),
        "token_out": text(lambda it: it.order.token_out),
        "cost_token": text(lambda it: it.token, "What costs are counted in: token_out of exact_in, else token_in."),
        **amount("amount_in", lambda it: it.order.amount_in, lambda it: it.order.decimals_in, UNITS, null=True),
        **amount("amount_out", lambda it: it.order.amount_out, lambda it: it.order.decimals_out, UNITS, null=True),
        **amount(
            "min_amount_out", lambda it: it.order.min_amount_out, lambda it: it.order.decimals_out, UNITS, null=True
        ),
        **amount("max_amount_in", lambda it: it.order.max_amount_in, lambda it: it.order.decimals_in, UNITS, null=True),
        **_benchmark(
            "arrival_amount",
            lambda m: m.arrival,
            "What the amount was worth, or would have cost, at the mid price when it was first quoted. " + _ABOUT,
        ),
        **_benchmark("mid_amount", lambda m: m.mid, "The same at the mid price of its last quote. " + _ABOUT),
        **_benchmark("quoted_amount", lambda m: m.quoted, "As last quoted. " + _ABOUT),
        **_benchmark("executed_amount", lambda m: m.executed, "As executed. " + _ABOUT),
        "arrival_price": text(_price_of(lambda m: m.arrival), "token_out per token_in, for display only.", null=True),
        "quoted_price": text(_price_of(lambda m: m.quoted), "The same.", null=True),
        "executed_price": text(_price_of(lambda m: m.executed), "The same.", null=True),
        "shortfall": nested(SHORTFALL, lambda it: SHORTFALL.render(it.measured)),
        "price_moved": nested(
            COST,
            lambda it: (found := price_moved(it)) and COST.render(found),
            null=True,
        ),
        "price_impact_bps": bps(
            lambda it: ppm_to_bps(it.order.plan.price_impact_ppm) if it.order.plan else None,
            "How much worse the order's own size made its quoted price, before rounding.",
            null=True,
        ),
        "network_fee_quoted": nested(
            NETWORK_FEE, lambda it: planned_fee(it.order.plan) if it.order.plan else None, null=True
        ),
        "network_fee_paid": nested(NETWORK_FEE, lambda it: paid_fee(it.order), null=True),
        "best_single_venue": text(
            lambda it: (plan := it.order.plan) and plan.best_venue and plan.best_venue.venue, null=True
        ),
        **amount(
            "saved",
            lambda it: None if (found := _saved(it)) is None else found.atoms,
            lambda it: it.measured.decimals,
            "Quoted better than that venue alone by, in `cost_token`, net of network fees where those of all venues"
            " are known; positive is gained.",
            null=True,
        ),
        "saved_bps": bps(lambda it: _saved_bps(it), null=True),
        **amount(
            "bound",
            _bound,
            lambda it: it.measured.decimals,
            "No route of any shape pays more (exact_in), or costs less (exact_out), network fee included.",
            null=True,
        ),
        "gap_bps": bps(
            lambda it: (
                bps_text(it.order.plan.gap_bps, GAP_DECIMALS)
                if it.order.plan and it.order.plan.gap_bps is not None
                else None
            ),
            "How far the quoted route was from that bound, at most.",
            null=True,
        ),
        "venue_quotes": listed(
            LOSING_QUOTE,
            lambda it: (
                [LOSING_QUOTE.render(Alone(q, it.order.plan)) for q in it.order.plan.venue_quotes]
                if it.order.plan
                else []
            ),
            "What each venue alone would have given when the order was last quoted.",
        ),
        "attempts": listed(ATTEMPT, lambda it: [ATTEMPT.render(TriedOf(a, it.order)) for a in it.history.attempts]),
        "children": listed(CHILD, lambda it: [CHILD.render(Child(child)) for child in it.children]),
        "steps": listed(STEP, lambda it: [STEP.render(event) for event in it.history.events]),
        "took_ms": integer(lambda it: sum(e.took_ms for e in it.history.events), "From acceptance to the last event."),
        "created_at": time(lambda it: timestamp(it.order.created_at)),
    },
)


def _saved_bps(it: Execution) -> str | None:
    plan = None if it.order.saved_amount is None else it.order.plan
    return None if plan is None or plan.saved_bps is None else bps_text(plan.saved_bps, 4)


def execution_json(execution: Execution) -> Mapping[str, Any]:
    """The public JSON."""
    return EXECUTION.render(execution)
