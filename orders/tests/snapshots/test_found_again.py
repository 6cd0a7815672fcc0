"""Orders through real batches on a market that drifts: each route is found again on what was recorded, to the atom."""

import json
import random
from collections import Counter
from collections.abc import Callable

import pytest

from dex import Engine, Side
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.recorded.canonical import canonical
from dex.testing.examples import is_deep
from orders.models import Account, MarketRecord, Order
from orders.receipts.check import check_market, check_route
from orders.receipts.content import CONTENT
from orders.snapshots.reading import read_snapshot
from orders.terms import NewOrder
from orders.tests.factories import place, terms

pytestmark = pytest.mark.django_db(transaction=True)

BATCH = 20


@pytest.fixture
def engine(db: None) -> Engine:
    """Blocks at once, in which others trade too; searches have the time that they have by default."""
    options = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=3)
    return Engine(SimulatedChain(options), route_deadline_ms=40)


def random_order(wishes: random.Random, engine: Engine) -> NewOrder:
    """Of any pair and size, with any limits of its route."""
    values = {token.symbol: (token, float(token.value or 0) / 10**12) for token in engine.chain.tokens()}
    (sold, sold_usd), (bought, bought_usd) = (values[name] for name in wishes.sample(sorted(values), 2))
    side = wishes.choice(list(Side))
    fixed, usd = (sold, sold_usd) if side is Side.EXACT_IN else (bought, bought_usd)
    amount = max(1, int(10 ** wishes.uniform(0, 5) / usd * 10**fixed.decimals))
    between = {"max_legs": (1, 3), "max_hops": (1, 3), "max_swaps": (1, 6), "max_network_fee": (65_000, 10**5)}
    limits = {name: wishes.randint(*ends) for name, ends in between.items() if wishes.random() < 0.2}
    if wishes.random() < 0.1:
        limits["max_deviation_ppm"] = 200_000
    return terms(
        token_in=sold.symbol,
        token_out=bought.symbol,
        side=side,
        amount=amount,
        decimals_in=sold.decimals,
        decimals_out=bought.decimals,
        max_slippage_ppm=50_000,
        deny=wishes.sample(["orca", "raydium", "meteora"], wishes.choice((0, 0, 0, 1))),
        **limits,
    )


@pytest.mark.wide
def test_random_orders_in_batches_are_found_again(account: Account, engine: Engine, drive: Callable[..., None]) -> None:
    """A thousand of them in a deep run."""
    wishes, verdicts, seen = random.Random(19), Counter[str](), Counter[str]()
    for _ in range(50 if is_deep() else 3):
        orders = place(
            account, *(random_order(wishes, engine) for _ in range(wishes.choice((1, BATCH, 2 * BATCH - 1))))
        )
        drive()
        for order in orders:
            order.refresh_from_db()
            seen[order.outcome or ""] += 1
            verdicts.update(verdicts_on(order, seen))

    assert verdicts["differs"] == 0, verdicts
    assert verdicts["same"] > 0.7 * sum(seen[outcome] for outcome in ("filled", "slippage", "no_route"))
    print(f"\n{dict(verdicts)} {dict(seen)} in {MarketRecord.objects.count()} records")


def verdicts_on(order: Order, seen: Counter[str]) -> list[str]:
    """Of the last route of an order, as anybody who has its receipt and market checks it."""
    if order.plan is None or order.plan.market is None:
        return ["no route"]
    snapshot = read_snapshot(order.plan.market)
    assert snapshot is not None
    receipt = json.loads(canonical(CONTENT.render(order)))
    named, market = check_market(receipt, canonical(snapshot.document))
    assert named.holds, named
    assert market is not None
    seen["cut"] += receipt["market"]["routing"]["ended_after"] is not None
    findings = check_route(receipt, market)
    assert len(findings) == 2
    return ["same" if all(finding.holds for finding in findings) else "differs"]
