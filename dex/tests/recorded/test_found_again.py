"""A route is found again from what was recorded, to the atom and in all that is said of it, however short the time."""

import json
import random
from dataclasses import replace

import pytest

from dex.chains.simulated.fees import costs
from dex.chains.simulated.market import default_market
from dex.errors import DexError
from dex.recorded.canonical import canonical
from dex.recorded.market import FORMAT, RecordedMarket, costs_json, pool_bytes, step_bytes
from dex.recorded.requests import read_request, request_json
from dex.recorded.rerun import GivenRoute, differences, executed, rerun
from dex.router import Market, TimeLimit
from dex.testing import NOW
from dex.testing.examples import examples
from dex.trace import RoutingTrace, TracedMarket, TracedRequest
from dex.turns import route_in_turn
from dex.types import Quote, Route, Side, SwapRequest

MARKET = default_market()
PER_SWAP = 7


def random_request(wishes: random.Random) -> SwapRequest:
    """Of any size, with any limits."""
    sold, bought = wishes.sample([token.symbol for token in MARKET.tokens], 2)
    side = wishes.choice(list(Side))
    amount = max(1, int(10 ** wishes.uniform(0, 6) / MARKET.values[sold if side is Side.EXACT_IN else bought]))
    limits = {"max_legs": (1, 3), "max_hops": (1, 3), "max_swaps": (1, 6), "max_network_fee": (0, 40)}
    drawn = {name: wishes.randint(*between) for name, between in limits.items() if wishes.random() < 0.25}
    denied = frozenset(wishes.sample(["orca", "raydium", "meteora"], 1) if wishes.random() < 0.2 else ())
    return SwapRequest(sold, bought, side, amount, 5_000, deny_venues=denied, **drawn)  # type: ignore[arg-type]


def document_before(market: TracedMarket, traced: list[TracedRequest]) -> dict[str, object]:
    """The market as these requests leave it."""
    return {
        "format": FORMAT,
        "chain": "simulated",
        "block": market.version,
        "time": market.time,
        "costs": costs_json(market.costs),
        "pools": [json.loads(pool_bytes(pool)) for pool in market.pools],
        "swaps": [
            json.loads(step_bytes(one.quote.route, one.request.side)) for one in traced if one.is_applied and one.quote
        ],
    }


def most_cost(request: SwapRequest, route: Route) -> int:
    """As a chain says it: not to be known without that chain."""
    return PER_SWAP * len(route.hops) + len(request.token_in)


@pytest.mark.parametrize("deadline_ms", [None, 0.0, 3.0, 20.0])
def test_a_batch_is_found_again(deadline_ms: float | None) -> None:
    wishes, trace = random.Random(str(deadline_ms)), RoutingTrace()
    asked = [random_request(wishes) for _ in range(examples(20))]

    answers = route_in_turn(
        Market(MARKET.pools, NOW, 1, costs(10_000)), asked, most_cost, deadline_ms=deadline_ms, trace=trace
    )

    assert [one.quote for one in trace.requests] == [one if isinstance(one, Quote) else None for one in answers]
    for number, traced in enumerate(trace.requests):
        assert trace.market is not None
        recorded = RecordedMarket.read(json.loads(canonical(document_before(trace.market, trace.requests[:number]))))
        request = read_request(json.loads(canonical(request_json(traced.request))))
        if traced.quote is None:
            continue
        given = GivenRoute(
            *(traced.quote.route, traced.quote.amount_in, traced.quote.amount_out),
            *(traced.quote.min_amount_out, traced.quote.max_amount_in),
        )
        found = rerun(recorded, request, traced.checked_costs, TimeLimit.after(traced.ended_after))
        assert executed(recorded, given, request.side) == []
        assert differences(given, found) == []
        assert found == traced.quote
    was_cut = {traced.ended_after is not None for traced in trace.requests if traced.quote}
    if deadline_ms is None:
        assert was_cut == {False}
    elif not deadline_ms:
        assert True in was_cut


def test_another_route_is_told_from_the_one_that_was_given() -> None:
    request = SwapRequest("SOL", "USDC", Side.EXACT_IN, 500 * 10**9, 5_000)
    trace = RoutingTrace()
    [quote] = route_in_turn(Market(MARKET.pools, NOW, 1), [request], most_cost, deadline_ms=None, trace=trace)
    assert isinstance(quote, Quote)
    assert trace.market is not None
    recorded = RecordedMarket.read(document_before(trace.market, []))
    given = GivenRoute(quote.route, quote.amount_in, quote.amount_out, quote.min_amount_out, quote.max_amount_in)
    first, *rest = quote.route.hops
    better = replace(quote.route, hops=(replace(first, amount_out=first.amount_out + 1), *rest))

    assert executed(recorded, given._replace(route=better), Side.EXACT_IN)[0].what == "execution"
    found = rerun(recorded, request, (), TimeLimit())
    assert [unlike.what for unlike in differences(given._replace(route=better, amount_out=1), found)] == [
        "route",
        "amount_out",
    ]


def test_a_time_limit_ends_at_the_check_that_it_is_told() -> None:
    limit = TimeLimit.after(2)

    assert [limit.is_over() for _ in range(4)] == [False, False, True, True]
    assert (limit.checks, limit.is_reached) == (2, True)
    assert not any(TimeLimit.after(None).is_over() for _ in range(3))
    over = TimeLimit.of_ms(-1.0)
    assert (over.is_over(), over.checks) == (True, 0)
    assert TimeLimit.of_ms(None).share(0.5).is_over() is False
    assert TimeLimit.of_ms(0.0).share(0.5).is_over() is True


def test_what_is_refused_is_traced_without_a_quote() -> None:
    trace = RoutingTrace()
    small = SwapRequest("SOL", "USDC", Side.EXACT_IN, 1, 5_000)

    [answer] = route_in_turn(Market(MARKET.pools, NOW, 1), [small], most_cost, deadline_ms=None, trace=trace)

    assert isinstance(answer, DexError)
    assert [(one.quote, one.is_applied) for one in trace.requests] == [(None, False)]
