"""Other traders: seeded swaps that move prices between quote and execution, and pull them back to the reference."""

import random
from collections.abc import Mapping

from dex.chains.simulated.ledger import Ledger, Undone, trade

TRADERS = "sim:traders"
# A usual trade is up to this share of the pool's reserve, in ppm.
USUAL_PPM = 150
# How strongly traders lean towards the reference price: at this deviation nobody trades against it.
FULL_LEAN = 0.004
# An arbitrageur closes this share of a deviation beyond the pool's fee.
CLOSED_SHARE = 0.4


def make_noise(ledger: Ledger, values: Mapping[str, float], trades: int, seed: int, block: int, now: int) -> None:
    """Trade `trades` times on random pools; the same seed and block give the same wishes.

    `values` is what an atom of each token is worth at the reference. Floats decide what traders want, the pools'
    integer arithmetic what they get.
    """
    wishes = random.Random(f"{seed}/{block}")  # noqa: S311 - a repeatable market, no secret
    pool_ids = sorted(ledger.pools)
    for _ in range(trades):
        pool = ledger.pools[wishes.choice(pool_ids)]
        first, second = pool.tokens[:2]
        fee = pool.fee_ppm(first, now) / 1e6
        price = pool.marginal_price(first, second, now) / (1 - fee)
        # Above zero: the pool pays too much of the second token for the first.
        deviation = price * values[second] / values[first] - 1
        sells_first = wishes.random() < 0.5 + max(-0.5, min(0.5, deviation / FULL_LEAN / 2))
        token_in = first if sells_first else second
        size = wishes.random() * USUAL_PPM / 1e6
        if abs(deviation) > fee and sells_first == (deviation > 0):
            size = max(size, (abs(deviation) - fee) / 2 * CLOSED_SHARE)
        amount = int(pool.balances()[token_in] * min(size, 0.2))
        try:
            trade(ledger, TRADERS, pool.pool_id, token_in, amount, now)
        except Undone:
            continue  # too small or too large for the pool: this trader stays at home
