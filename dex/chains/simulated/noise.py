"""Other traders: seeded swaps that move prices between quote and execution, and pull them back to the reference."""

import math
import random
from collections.abc import Iterable, Mapping
from itertools import permutations

from dex.chains.simulated.ledger import Ledger, Undone, trade
from dex.pools import Pool
from dex.pools.curves import Curve, Segments
from dex.types import Hop

TRADERS = "sim:traders"
# A usual trade is worth up to this share of what a pool holds of one token, on average over its tokens, in ppm.
USUAL_PPM = 150
# How strongly traders lean towards the reference price: at this deviation none trades against it.
FULL_LEAN = 0.004
# Arbitrageurs behind a block trade up to so often in one pool, as long as they gain more than this share.
MAX_ARBITRAGES = 40
LEAST_GAIN = 1e-4
# An arbitrageur's sizes: all that a pool holds, half of it, and so on down to 1e-9 of it.
MAX_HALVINGS = 30
CAPACITY_MARGIN = 1e-9


def make_noise(ledger: Ledger, values: Mapping[str, float], trades: int, seed: int, block: int, now: int) -> None:
    """Trade `trades` times between two tokens of a random pool; the same seed and block give the same wishes.

    `values` is what an atom of each token is worth at the reference. Floats decide what traders want, the pools'
    integer arithmetic what they get.
    """
    wishes = random.Random(f"{seed}/{block}")  # noqa: S311 - a repeatable market, no secret
    pool_ids = sorted(ledger.pools)
    for _ in range(trades):
        pool = ledger.pools[wishes.choice(pool_ids)]
        first, second = wishes.sample(pool.tokens, 2)
        off = deviation(pool, first, second, values, now)
        sells_first = wishes.random() < 0.5 + max(-0.5, min(0.5, off / FULL_LEAN / 2))
        token_in, token_out = (first, second) if sells_first else (second, first)
        held = sum(atoms * values[token] for token, atoms in pool.balances().items()) / values[token_in]
        usual = wishes.random() * USUAL_PPM / 1e6 * held / len(pool.tokens)
        amount = int(max(usual, _paying(pool, token_in, token_out, values, held, now)))
        _trades(ledger, Hop(pool.venue, pool.pool_id, token_in, token_out, amount, 0), now)


def arbitrage(ledger: Ledger, pool_ids: Iterable[str], values: Mapping[str, float], now: int) -> None:
    """Pull the prices of these pools back to where no trade gains any more, as others do behind every block's orders.

    Without them the orders of a busy minute would leave prices between which one could gain in circles.
    """
    for pool_id in sorted(pool_ids):
        for _ in range(MAX_ARBITRAGES):
            pool = ledger.pools[pool_id]
            gain, token_in, token_out = max(
                (pool.marginal_price(a, b, now) * values[b] / values[a] - 1, a, b)
                for a, b in permutations(pool.tokens, 2)
            )
            if gain <= LEAST_GAIN:
                break
            held = sum(atoms * values[token] for token, atoms in pool.balances().items()) / values[token_in]
            amount = int(_paying(pool, token_in, token_out, values, held, now))
            if not amount or not _trades(ledger, Hop(pool.venue, pool_id, token_in, token_out, amount, 0), now):
                break


def _trades(ledger: Ledger, hop: Hop, now: int) -> bool:
    """Trade, or stay at home where it is too little or too much for the pool or the pocket."""
    try:
        trade(ledger, TRADERS, hop, now)
    except Undone:
        return False
    return True


def deviation(pool: Pool, first: str, second: str, values: Mapping[str, float], now: int) -> float:
    """By how much a pool, fees aside, pays more of the second token for the first than the reference does.

    1 where it can pay but not take the second token, -1 the other way round.
    """
    there, back = pool.marginal_price(first, second, now), pool.marginal_price(second, first, now)
    if not (there and back):
        return 1.0 if there else -1.0
    return math.sqrt(there / back) * values[second] / values[first] - 1


def _paying(pool: Pool, token_in: str, token_out: str, values: Mapping[str, float], held: float, now: int) -> float:
    """What an arbitrageur sells: half or more of what brings the price to the reference after fees, 0 if it is there.

    The largest of halved amounts that is worth selling goes past that price, by as much again at the most.
    """
    fair = values[token_in] / values[token_out]
    if pool.marginal_price(token_in, token_out, now) <= fair:
        return 0.0
    curve = pool.curve(token_in, token_out, now)
    for _ in range(MAX_HALVINGS):
        if curve.pays(held) > held * fair:
            return min(held / 2, _most_at_once(curve))
        held /= 2
    return 0.0


def _most_at_once(curve: Curve) -> float:
    """Atoms that a pool takes in one swap, but for a margin of rounding: weighted pools refuse more than a share."""
    capacity = sum(curve.capacity) if isinstance(curve, Segments) else curve.capacity
    return capacity * (1 - CAPACITY_MARGIN)
