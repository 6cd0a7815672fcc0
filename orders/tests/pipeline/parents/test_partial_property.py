"""Orders that are filled in parts among other traders: no limit is broken, and nothing that should be filled stays."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex import Engine, NetworkFee, Quote, Side
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.testing.examples import examples
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.order_types import limit_of
from orders.pipeline.parents.asking import times_too_small
from orders.reconciliation.wallets import watch_wallets
from orders.services.cancel import cancel_orders
from orders.states import TERMINAL
from orders.terms import swap_request
from orders.tests.factories import new_account, place, terms
from orders.tests.pipeline.parents.families import check_books, children_of, place_parent, work
from orders.tests.pipeline.parents.partials import LARGE, check_limits, market_pass, near, partial

# Others sell or buy so much, in the first token's atoms, and the noise of their block follows.
TRADES = st.tuples(st.booleans(), st.sampled_from((10**9, 10**12, 10**13)))


def left_over(engine: Engine, parent: Order) -> Quote | None:
    """What the market still gives of an order, and would be worth a part."""
    limit = limit_of("limit", parent)
    assert limit is not None
    rest = parent.amount - (parent.allotted or 0)
    request = swap_request(parent.token_in, parent.token_out, parent.side, rest, parent.terms)
    [quote] = engine.route([replace(request, limit_price=limit, allow_partial=True)])
    if not isinstance(quote, Quote):
        return None
    part = rest - quote.unfilled
    return quote if part == rest or times_too_small(quote, limit, part, parent.amount) <= 1 else None


def others_trade(rival: Account, engine: Engine, policy: Policy, *, sells: bool, amount: int) -> None:
    """In a block of their own."""
    pair = {"token_in": "SOL", "token_out": "USDC"} if sells else {"token_in": "USDC", "token_out": "SOL"}
    decimals = {"decimals_in": 9, "decimals_out": 6} if sells else {"decimals_in": 6, "decimals_out": 9}
    place(rival, terms(amount=amount if sells else amount // 7, **pair, **decimals))
    work(engine, policy)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=examples(10), suppress_health_check=list(HealthCheck), deadline=None)
@given(
    bps=st.sampled_from((-20, -5, 10, 40)),
    amount=st.sampled_from((LARGE, 10**13, 10**10)),
    side=st.sampled_from(Side),
    trades=st.lists(TRADES, min_size=1, max_size=5),
    noise=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_each_pass_fills_all_that_is_worth_it(
    tokens: None,
    policy: Policy,
    bps: int,
    amount: int,
    side: Side,
    trades: list[tuple[bool, int]],
    noise: int,
    seed: int,
) -> None:
    chain = SimulatedChain(SimulatedOptions(noise_trades=noise, seed=seed))
    chain.advance()
    engine, supply = Engine(chain), chain.store.total_supply()
    account, rival = new_account(), new_account()
    parent = place_parent(account, partial(near(engine, bps), amount=amount, side=side))

    for sells, traded in trades:
        market_pass(engine, policy)
        check_limits(parent)
        if parent.outcome is not None:
            break
        failed = [child for child in children_of(parent) if child.status == "FAILED"]
        # A failed part makes it pause, and one that was too small has it look for a price.
        if not failed and parent.trigger_kind is not None:
            assert left_over(engine, parent) is None
        others_trade(rival, engine, policy, sells=sells, amount=traded)

    cancel_orders([parent.id], actor=Actor("its owner"))
    check_limits(parent)
    assert parent.outcome in {"filled", "partially_filled", "cancelled"}
    assert OrderEvent.objects.filter(order=parent, status__in=TERMINAL).count() == 1
    check_books()
    assert chain.store.total_supply() == supply
    assert watch_wallets(engine) == []


@pytest.mark.parametrize(
    ("side", "amount_in", "amount_out", "fee", "is_worth_it"),
    [
        (Side.EXACT_IN, 2_000, 2_000, None, True),  # a 500th, where no pool prices fees
        (Side.EXACT_IN, 1_999, 10**9, None, False),
        (Side.EXACT_IN, 2_000, 2_000, 20, True),  # 1 % of what it moves
        (Side.EXACT_IN, 2_000, 2_000, 21, False),
        (Side.EXACT_IN, 100, 110, 1, True),  # less than a 500th, and ten times its fee above the limit
        (Side.EXACT_IN, 100, 109, 1, False),
        (Side.EXACT_IN, 100, 1_100, 11, True),
        (Side.EXACT_IN, 100, 1_100, 12, False),  # that too, but the fee takes more than 1 %
        (Side.EXACT_OUT, 2_000, 2_000, 20, True),
        (Side.EXACT_OUT, 1_900, 1_999, 10, False),
        (Side.EXACT_OUT, 1_899, 1_999, 10, True),
    ],
)
def test_what_is_worth_a_part(side: Side, amount_in: int, amount_out: int, fee: int | None, is_worth_it: bool) -> None:
    """Of an order of a million, at a limit of one."""
    charged = None if fee is None else NetworkFee("GAS", 1, fee)
    quote: Any = SimpleNamespace(side=side, amount_in=amount_in, amount_out=amount_out, network_fee=charged)
    part = amount_in if side is Side.EXACT_IN else amount_out

    assert (times_too_small(quote, Fraction(1), part, 10**6) <= 1) == is_worth_it
