"""The router run again on a recorded market, and how its answer differs from the one that was given."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dex.errors import DexError
from dex.execution import buy, sell
from dex.recorded.canonical import RecordError
from dex.recorded.market import RecordedMarket
from dex.router import TimeLimit, find_route
from dex.types import Quote, Route, Side, SwapRequest


class Difference(NamedTuple):
    """One thing that is not as it was recorded."""

    what: str
    recorded: Any
    found: Any


class GivenRoute(NamedTuple):
    """What was promised: a route, and the limits that the chain enforced."""

    route: Route
    amount_in: int
    amount_out: int
    min_amount_out: int
    max_amount_in: int


def rerun(recorded: RecordedMarket, request: SwapRequest, checked_costs: Sequence[int], time_limit: TimeLimit) -> Quote:
    """The router's answer.

    `checked_costs` are the most costs of routes in the order in which the search asks for them; where they end, the
    expected cost counts. Raises: RecordError, and what `find_route` raises.
    """
    left: Iterator[int] = iter(checked_costs)
    return find_route(recorded.market(), request, time_limit, lambda _: next(left, 0)).quote


def executed(recorded: RecordedMarket, given: GivenRoute, side: Side) -> list[Difference]:
    """What the recorded pools do with the route that was given, in whole atoms: nothing where they do as it says.

    Raises: RecordError.
    """
    pools, now = recorded.pools(), recorded.now
    try:
        hops = (
            sell(pools, given.route, now) if side is Side.EXACT_IN else buy(pools, given.route, given.amount_out, now)
        )
    except DexError as error:
        return [Difference("execution", "possible", f"refused: {error.detail}")]
    except (KeyError, ZeroDivisionError) as error:
        raise RecordError(f"its route cannot be executed: {error}") from error
    return [] if hops == given.route.hops else [Difference("execution", _shown(given.route.hops), _shown(hops))]


def differences(given: GivenRoute, found: Quote) -> list[Difference]:
    """Between the route that was given and one that is found; nothing where they are the same to the atom."""
    pairs = (
        ("route", _shown(given.route.hops), _shown(found.route.hops)),
        *((name, str(getattr(given, name)), str(getattr(found, name))) for name in GivenRoute._fields[1:]),
    )
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _shown(hops: Sequence[Any]) -> list[str]:
    return [f"{hop.pool_id} {hop.amount_in} {hop.token_in} -> {hop.amount_out} {hop.token_out}" for hop in hops]
