"""The router run again on the market that an order was routed on, with other settings; it changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from dex import Quote, SwapRequest
from dex.recorded.market import RecordedMarket
from dex.recorded.requests import read_request
from dex.recorded.rerun import rerun
from dex.router import TimeLimit
from orders.config import get_policy, route_deadline_ms
from orders.models import Account, Order
from orders.plan import SwapPlan
from orders.problems import Problem, ProblemError
from orders.selectors import database_time_ms, find_order
from orders.snapshots.reading import read_snapshot
from orders.snapshots.records import Snapshot
from orders.states import is_terminal

BASIS_POINTS = 10_000


class Replayed(NamedTuple):
    """What was asked and found now, beside the order as it was routed then."""

    order: Order
    then: SwapPlan
    request: SwapRequest
    quote: Quote

    @property
    def is_same_route(self) -> bool:
        """Whether it is the route of then, to the atom."""
        return self.quote.route == self.then.route

    @property
    def better_than_quoted(self) -> Fraction | None:
        """By how much its average price is better for the owner than the one that was quoted, in basis points."""
        return self._better(self.order.quoted_amount_in, self.order.quoted_amount_out)

    @property
    def better_than_executed(self) -> Fraction | None:
        """The same against what was executed; None where nothing was."""
        return self._better(self.order.amount_in, self.order.amount_out)

    def _better(self, amount_in: int | None, amount_out: int | None) -> Fraction | None:
        if not amount_in or not amount_out:
            return None
        price, was = Fraction(self.quote.amount_out, self.quote.amount_in), Fraction(amount_out, amount_in)
        return (price / was - 1) * BASIS_POINTS


def routed_order(account: Account, order_id: UUID) -> tuple[Order, SwapPlan]:
    """An account's order with its route. Raises: ProblemError."""
    order = find_order(account, order_id)
    plan = order.plan
    if plan is None:
        raise ProblemError(Problem("not_found", f"order {order_id} has no route, so there is no market of it"))
    return order, plan


def snapshot_of_plan(plan: SwapPlan) -> Snapshot:
    """The market of a route. Raises: ProblemError where it is not kept."""
    snapshot = None if plan.market is None else read_snapshot(plan.market)
    if snapshot is None:
        detail = "the market of this order was not recorded, or was kept long enough"
        raise ProblemError(Problem("market_not_kept", detail))
    return snapshot


def require_others_sent(order: Order) -> None:
    """Its market tells what others swap that were before it in its batch, so it is not given while these are unsent.

    They are sent together, or within the time of a lease. Raises: ProblemError `receipt_not_ready`.
    """
    if not is_terminal(order.status):
        raise ProblemError(Problem("receipt_not_ready", f"the order is {order.status}: its market is given at its end"))
    from_ms = int(order.updated_at.timestamp() * 1000) + int(get_policy().lease_s * 1000)
    if order.outcome != "filled" and database_time_ms() < from_ms:
        detail = f"the order was not filled: its market is given {get_policy().lease_s} s after its end"
        raise ProblemError(Problem("receipt_not_ready", detail))


def replay(order: Order, plan: SwapPlan, changes: Mapping[str, Any]) -> Replayed:
    """The order routed again on its market, with `changes` in its request to the router.

    Without any it is the search of then, to the atom. Raises: ProblemError, DexError.
    """
    snapshot = snapshot_of_plan(plan)
    routing, market = snapshot.routing, RecordedMarket.read(snapshot.document)
    asked = read_request(routing.request)
    request = replace(asked, **changes)
    if request == asked:
        checked, time_limit = [int(cost) for cost in routing.checked_costs], TimeLimit.after(routing.ended_after)
    else:
        checked, time_limit = [], TimeLimit.of_ms(route_deadline_ms())
    return Replayed(order, plan, request, rerun(market, request, checked, time_limit))
