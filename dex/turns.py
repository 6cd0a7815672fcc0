"""Requests of a batch routed one after the other on one market."""

from collections.abc import Callable, Sequence

from dex.errors import DexError
from dex.router import UNLIMITED, Market, TimeLimit, find_route
from dex.trace import RoutingTrace, TracedMarket, TracedRequest
from dex.types import Quote, Route, SwapRequest

# The most that the transaction of a request's route could cost, in atoms of the native token.
MostCost = Callable[[SwapRequest, Route], int]


def route_in_turn(
    market: Market,
    requests: Sequence[SwapRequest],
    most_cost: MostCost,
    *,
    deadline_ms: float | None,
    is_sequential: bool = True,
    trace: RoutingTrace | None = None,
) -> list[Quote | DexError]:
    """Answer each; `market` is moved on as `Engine.route` says, and what each was routed on is noted in `trace`."""
    if trace is not None:
        pools = tuple(market.compiled.pools)
        trace.market = TracedMarket(market.version, market.now, market.costs, pools)
    answers: list[Quote | DexError] = []
    for number, request in enumerate(requests, start=1):
        traced, time_limit = TracedRequest(request), UNLIMITED if deadline_ms is None else TimeLimit.of_ms(deadline_ms)
        try:
            routed = find_route(market, request, time_limit, _of(request, most_cost, None if trace is None else traced))
        except DexError as error:
            answers.append(error)
        else:
            answers.append(routed.quote)
            traced.quote = routed.quote
            # No request comes after the last one.
            if is_sequential and number < len(requests) and _is_affordable(request, routed.quote, most_cost):
                market.apply(routed.pools_after)
                traced.is_applied = True
        if trace is not None:
            traced.ended_after = time_limit.checks if time_limit.is_reached else None
            trace.requests.append(traced)
    return answers


def cost_of(request: SwapRequest, quote: Quote, most_cost: MostCost) -> int:
    """What a quote counts against `max_network_fee`: what is expected, or the most where that is more."""
    expected = 0 if quote.network_fee is None else quote.network_fee.amount
    return max(expected, most_cost(request, quote.route))


def _is_affordable(request: SwapRequest, quote: Quote, most_cost: MostCost) -> bool:
    return request.max_network_fee is None or cost_of(request, quote, most_cost) <= request.max_network_fee


def _of(request: SwapRequest, most_cost: MostCost, traced: TracedRequest | None) -> Callable[[Route], int] | None:
    """The most that a route of the request could cost; None where it does not ask."""
    if request.max_network_fee is None:
        return None

    def ask(route: Route) -> int:
        return most_cost(request, route)

    return ask if traced is None else traced.noting(ask)
