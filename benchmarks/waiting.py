"""What orders that wait for prices cost: a trigger pass beside many of them, and a crossing of some at once.

    make bench ARGS="waiting --orders 100000 --pairs 50"

On a PostgreSQL of its own, with the simulated chain's market. Eight in ten of the orders are limits, the others stops
above and below. Each figure is CPU in milliseconds, of this process and of its database session: the median of several
passes, and the worst. In a crossing the limits of some of a pair's orders lie below its price: CPU of the pass that
makes them due, and of routing, signing and executing all of them, each a thousandth of a token. At last orders are
placed through the API, alone and a hundred per request, and the figures are per order: market orders and, in turns
with them, limit orders beside all that wait.
"""

import argparse
import statistics
import time
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.suite.alone import Cost, cost, enter

if TYPE_CHECKING:
    from orders.models import Account
    from orders.tests.http_client import Api

# Of each kind that is placed; the first requests are not counted.
REQUESTS, WARM_UP, BATCH = 105, 5, 100
# The pair whose orders are crossed.
CROSSED = ("ETH", "USDC")


def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(prog="waiting", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--crossing", type=int, default=500)
    parser.add_argument("--passes", type=int, default=40, help="of which the median is taken")
    chosen = parser.parse_args()
    enter("benchmarks.waiting")
    _measure(chosen)


def _measure(chosen: argparse.Namespace) -> None:
    from django.core.management import call_command

    from dex import Engine
    from dex.chains.simulated import SimulatedChain, SimulatedOptions
    from orders.config import Policy
    from orders.models import Account, Order
    from orders.pipeline.loop import run_stage
    from orders.states import Stage
    from orders.tests.waiting.crowd import load_crowd, load_waiting, pairs_of
    from orders.waiting.trigger_pass import trigger_orders

    call_command("prepare", verbosity=0)
    engine, policy = Engine(SimulatedChain(SimulatedOptions())), Policy(batch_size=200)
    account = Account.objects.create(name="waiting")
    tokens = engine.chain.tokens()
    pairs = pairs_of(tokens, chosen.pairs)

    def one_pass() -> None:
        assert trigger_orders(engine, policy, at_least_s=0.0) is (Order.objects.exists())

    for _ in range(5):
        one_pass()
    load_crowd(account, pairs, chosen.orders)
    waiting = Order.objects.filter(due_at__year=9000).count()
    for _ in range(5):
        one_pass()
    idle = [cost(one_pass) for _ in range(chosen.passes)]
    assert Order.objects.filter(due_at__year=9000).count() == waiting
    print(f"{waiting} orders of {len(pairs)} pairs wait; CPU in ms: here, database session, both")
    show("a pass in which nothing fires, median", median(idle))
    show("the same, the most expensive of all", max(idle, key=sum))
    prices = cost(lambda: engine.prices([(pair.token_in.symbol, pair.token_out.symbol) for pair in pairs]))
    show("of it the prices of the pairs", prices)

    # Of all pairs of the chain: with few `--pairs` the crowd may wait for others alone.
    [crossed] = [
        one for one in pairs_of(tokens, len(tokens) ** 2) if (one.token_in.symbol, one.token_out.symbol) == CROSSED
    ]
    load_waiting(account, crossed, "limit", chosen.crossing, Decimal("0.9"), Decimal(0))
    began = time.monotonic()
    show(f"a pass that {chosen.crossing} orders cross", cost(one_pass))
    due = Order.objects.filter(due_at__year__lt=9000, status="PENDING").count()
    assert due == chosen.crossing, due

    def all_stages() -> None:
        while Order.objects.filter(due_at__year__lt=9000, outcome=None).exists():
            for stage in (Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM):
                run_stage(stage, engine=engine, policy=policy)

    show("their route to the end, as one worker", cost(all_stages))
    ended = Order.objects.filter(outcome="filled").count()
    print(f"{ended} of {chosen.crossing} filled {time.monotonic() - began:.2f} s after the crossing")
    _show_placing(account)


def _show_placing(account: "Account") -> None:
    from django.test.utils import setup_test_environment

    from orders.tests.http_client import Api

    setup_test_environment()
    api, market = Api(account), {"token_in": "SOL", "token_out": "USDC", "amount": "0.001"}
    bodies = {"market": market, "limit": market | {"type": "limit", "limit_price": "99999"}}
    kinds: dict[str, tuple[str, object, int]] = {}
    for name, body in bodies.items():
        kinds[f"placing a {name} order"] = ("orders", body, 1)
        kinds[f"placing a {name} order of a hundred"] = ("orders/batch", {"orders": [body] * BATCH}, BATCH)
    found: dict[str, list[Cost]] = {name: [] for name in kinds}
    for _ in range(REQUESTS):
        for name, (path, sent, count) in kinds.items():
            spent = cost(partial(_place, api, path, sent))
            found[name].append(Cost(spent.here / count, spent.database / count))
    for name, costs in found.items():
        show(name, median(costs[WARM_UP:]))


def _place(api: "Api", path: str, sent: object) -> None:
    answer = api.post(path, sent)
    assert answer.status_code in {201, 202}, answer.content[:300]


def median(costs: list[Cost]) -> Cost:
    """Of each figure."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


def show(name: str, cost: Cost) -> None:
    """One line of the table."""
    print(f"{name:<44}{cost.here:>9.2f}{cost.database:>9.2f}{sum(cost):>9.2f}", flush=True)


if __name__ == "__main__":
    main()
