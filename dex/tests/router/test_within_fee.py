"""`max_network_fee`: where the best route may cost more, the best one found that may not takes its place."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dex import (
    Costs,
    DexError,
    Engine,
    Fees,
    FeeStrategy,
    Pool,
    Quote,
    Side,
    Signable,
    SignedTransaction,
    SwapIntent,
    SwapRequest,
)
from dex.router import Market, find_route
from dex.router.time_limit import TimeLimit
from dex.router.venue_paths import MAX_HOPS
from dex.testing import NOW, FakeChain, cpmm_pool, markets, request, requests
from dex.types import PPM, intent_of

MILLION = 10**6 * 10**9
FIXED, PER_SWAP = 5_000, 10_000
COSTS = {FeeStrategy.NORMAL: Costs("SOL", FIXED, other_swap=PER_SWAP)}
PAIR = ("SOL", "USDC")
# Alike, so that an order of a tenth of one goes through all of them.
POOLS: tuple[Pool, ...] = tuple(cpmm_pool(f"{name}-sol-usdc", PAIR, (MILLION, MILLION)) for name in "abcd")
SHORT = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def quote(engine: Engine, asked: SwapRequest, offers: dict[FeeStrategy, Fees] | None = None) -> Quote:
    (answer,) = engine.route([asked], offers=offers)
    assert isinstance(answer, Quote)
    return answer


def charging(pools: tuple[Pool, ...]) -> FakeChain:
    chain = FakeChain(pools)
    chain.costs = COSTS
    return chain


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("spare", "swaps"), [(PER_SWAP - 1, 3), (0, 3), (-1, 2), (-PER_SWAP - 1, 1)])
def test_it_takes_as_many_swaps_as_the_limit_pays_for(side: Side, spare: int, swaps: int) -> None:
    engine, wish = Engine(charging(POOLS)), request(*PAIR, MILLION // 10, side, max_slippage_ppm=PPM // 10)
    free = quote(engine, wish)
    assert len(free.route.hops) == len(POOLS)

    held = quote(engine, replace(wish, max_network_fee=FIXED + 3 * PER_SWAP + spare))

    assert len(held.route.hops) == swaps
    assert held.network_fee is not None
    assert held.network_fee.amount == FIXED + swaps * PER_SWAP
    assert (held.bound, held.venue_quotes) == (free.bound, free.venue_quotes)
    assert held.gap_bps is not None
    assert free.gap_bps is not None
    assert held.gap_bps > free.gap_bps


@pytest.mark.parametrize(
    "guard", [{"max_slippage_ppm": 10_000}, {"max_price_impact_ppm": 60_000}, {"min_amount_out": MILLION * 94 // 1_000}]
)
def test_no_price_is_spoilt_to_save_on_fees(guard: dict[str, int]) -> None:
    """One pool alone pays 6.5 % less than all four: such an order waits for fees instead, it does not fail."""
    engine, wish = Engine(charging(POOLS)), request(*PAIR, MILLION // 10, **{"max_slippage_ppm": PPM // 10} | guard)

    assert quote(engine, replace(wish, max_network_fee=FIXED + PER_SWAP)) == quote(engine, wish)


def test_a_limit_that_no_route_keeps_changes_nothing() -> None:
    engine, wish = Engine(charging(POOLS)), request(*PAIR, MILLION // 10)

    assert quote(engine, replace(wish, max_network_fee=FIXED + PER_SWAP - 1)) == quote(engine, wish)


class DearChain(FakeChain):
    """Its transactions could cost several times what they are expected to."""

    TIMES = 4

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """See `Chain`."""
        intents = [intent_of(item) for item, _ in offers if not isinstance(item, SignedTransaction)]
        routes = [intent.route for intent in intents if isinstance(intent, SwapIntent)]
        return [self.TIMES * (FIXED + PER_SWAP * len(route.hops)) for route in routes]


def test_what_a_transaction_could_cost_counts_where_offers_are_known() -> None:
    chain = DearChain(POOLS)
    chain.costs = COSTS
    engine, offers = Engine(chain), {FeeStrategy.NORMAL: Fees(1, 1)}
    most = chain.TIMES * (FIXED + 2 * PER_SWAP)
    wish = request(*PAIR, MILLION // 10, max_network_fee=most, max_slippage_ppm=PPM // 10)

    assert len(quote(engine, wish).route.hops) == len(POOLS)
    held = quote(engine, wish, offers)
    assert len(held.route.hops) == 2
    assert engine.cost_of(wish, held, offers) == wish.max_network_fee


@pytest.mark.parametrize("deadline_ms", [None, 0.0])
@SHORT
@given(pools=markets(), asked=requests(), share=st.floats(0, 1))
def test_where_a_single_path_of_a_venue_is_within_the_limit_so_is_the_route(
    deadline_ms: float | None, pools: list[Pool], asked: SwapRequest, share: float
) -> None:
    asked, market = replace(asked, max_slippage_ppm=PPM * 1_000), Market(pools, NOW, 1, COSTS)
    try:
        free = find_route(market, asked, TimeLimit.of_ms(deadline_ms)).quote
    except DexError:
        assume(False)
    assert free.network_fee is not None
    most = int(free.network_fee.amount * share)

    held = find_route(market, replace(asked, max_network_fee=most), TimeLimit.of_ms(deadline_ms)).quote

    assert held.network_fee is not None
    if held.network_fee.amount > most:
        assert held.route == free.route
        assert most < FIXED + MAX_HOPS * PER_SWAP or not [alone for alone in free.venue_quotes if alone.code is None]
    if deadline_ms is None:
        assert held.bound == free.bound
