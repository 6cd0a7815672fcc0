"""Batches of orders through `Engine.route` on the default market of the simulated chain: CPU of an order.

The orders are those of the comparison with the peer. Each batch meets a new block, two seconds after the one before it,
in which the routes before were executed: what a worker does, but for the database.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from benchmarks.suite.engine import ORDERS
from dex import Engine, execution
from dex.chains.base import Snapshot
from dex.chains.simulated.fees import costs
from dex.chains.simulated.market import default_market
from dex.pools import Pool, pool_from_state
from dex.router.kernel import kernels_on
from dex.testing import NOW
from dex.testing.chain import FakeChain
from dex.types import Quote, Side, SwapRequest

ROWS: Final = {"batch of 100": 100, "batch of 1": 1}
# Settings of `make run`.
SWAP_FEE: Final = 10_000
DEADLINE_MS: Final = 40.0
SLIPPAGE_PPM: Final = 5_000
IMPACT_PPM: Final = 10_000
BLOCK_S: Final = 2


@dataclass(slots=True)
class Blocks(FakeChain):
    """The default market, moved on by the routes that are executed in its blocks."""

    state: dict[str, Pool] = field(default_factory=lambda: {pool.pool_id: pool for pool in default_market().pools})

    @property
    def now(self) -> int:
        """Chain time of the newest block."""
        return NOW + BLOCK_S * self.version

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return Snapshot(self.version, self.now, tuple(self.state.values()), costs(SWAP_FEE))

    def execute(self, quotes: list[Quote]) -> None:
        """Make a block of these routes. What it has changed is read again, as from the database."""
        after = dict(self.state)
        for quote in quotes:
            execution.sell(after, quote.route, self.now)
        self.state = {name: pool if pool is self.state[name] else _read(pool) for name, pool in after.items()}
        self.version += 1


def measure(count: int, orders: int, repeat: int) -> list[float]:
    """Milliseconds of CPU an order in the fastest of the repeats, of each of the batches that make up the orders."""
    asked = requests(count)
    chain = Blocks(())
    engine = Engine(chain, route_deadline_ms=DEADLINE_MS)
    best = []
    for number in range(max(1, orders // count) + 1):
        fastest = float("inf")
        for _ in range(repeat):
            chain.execute([])  # a new block that holds nothing
            start = time.process_time()
            answers = engine.route(asked)
            fastest = min(fastest, time.process_time() - start)
        chain.execute([answer for answer in answers if isinstance(answer, Quote)])
        if number:  # the first compiles the market
            best.append(fastest / count * 1e3)
    return best


def requests(count: int) -> list[SwapRequest]:
    """`count` of the orders, in turn."""
    decimals = {token.symbol: token.decimals for token in default_market().tokens}
    asked = []
    for text in ORDERS[:count] * -(-count // len(ORDERS)):
        order: Mapping[str, str] = json.loads(text)
        atoms = round(float(order["amount"]) * 10 ** decimals[order["token_in"]])
        request = SwapRequest(order["token_in"], order["token_out"], Side.EXACT_IN, atoms, SLIPPAGE_PPM)
        asked.append(replace(request, max_price_impact_ppm=IMPACT_PPM))
    return asked[:count]


def summary(name: str, ms: list[float]) -> dict[str, Any]:
    """The figures of a row, JSON-ready."""
    p50, p95 = np.percentile(ms, (50, 95)).round(3).tolist()
    return {"row": name, "fast": kernels_on(), "batches": len(ms), "p50_ms": p50, "p95_ms": p95}


def line(figures: Mapping[str, Any]) -> str:
    """A line of text."""
    return (
        f"{figures['row']:>15} on the default market: {figures['p50_ms']:.3f} ms an order at the median of "
        f"{figures['batches']} batches, {figures['p95_ms']:.3f} ms at 95 %"
    )


def _read(pool: Pool) -> Pool:
    return pool_from_state(pool.kind, pool.pool_id, pool.venue, pool.tokens, pool.to_state())
