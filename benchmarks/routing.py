"""CPU time of routing one order on a small market, in batches as the route stage sends them.

Run: python benchmarks/routing.py. Prints microseconds per order and what a plain swap costs beside it; compare
the ratios, since machines differ. Never imported.
"""

import argparse
import cProfile
import pstats
import random
import time
from collections.abc import Callable
from dataclasses import replace

from dex import Engine, Pool, Quote, Side, SwapRequest, pool_from_state
from dex.pools.bin_math import price_q64
from dex.testing import FakeChain, cpmm_pool, dlmm_pool

BATCH = 200
ATOM = 10**9

# Price of each token in USDC; every token has nine decimals here, which changes nothing for the arithmetic.
PRICES = {"SOL": 144.0, "USDC": 1.0, "USDT": 1.0, "MSOL": 180.0, "JITOSOL": 172.0, "BONK": 2e-5}
PRICES |= {"JUP": 0.9, "RAY": 4.8, "WIF": 1.9, "PYTH": 0.4, "ETH": 2_860.0, "BTC": 91_000.0}
RAYDIUM_PAIRS = ("SOL/USDC", "RAY/SOL", "BONK/SOL", "ETH/SOL", "JUP/USDC", "PYTH/USDC", "WIF/SOL")
METEORA_PAIRS = ("SOL/USDC", "USDT/USDC", "MSOL/SOL", "JITOSOL/SOL", "JUP/SOL", "BTC/USDC", "BONK/SOL")
BIN_STEP = 10


def market() -> tuple[Pool, ...]:
    """Fourteen pools of about two million dollars over twelve tokens on two venues."""
    pools: list[Pool] = []
    for pair in RAYDIUM_PAIRS:
        a, b = pair.split("/")
        reserves = (int(1e6 / PRICES[a] * ATOM), int(1e6 / PRICES[b] * ATOM))
        pools.append(cpmm_pool(f"raydium-{pair}", (a, b), reserves))
    for pair in METEORA_PAIRS:
        a, b = pair.split("/")
        price = PRICES[a] / PRICES[b]
        active_id = min(range(-20_000, 20_000), key=lambda bin_id: abs(price_q64(BIN_STEP, bin_id) / 2**64 - price))
        depth = (int(30_000 / PRICES[a] * ATOM), int(30_000 / PRICES[b] * ATOM))
        pools.append(dlmm_pool(f"meteora-{pair}", (a, b), active_id, depth, bin_step=BIN_STEP))
    return tuple(pools)


def requests(seed: int, side: Side, pairs: tuple[tuple[str, str], ...] | None = None) -> list[SwapRequest]:
    """A batch of orders of 10 to 20,000 dollars between random tokens, or between the given pairs."""
    rng = random.Random(seed)
    batch = []
    for _ in range(BATCH):
        token_in, token_out = rng.choice(pairs) if pairs else rng.sample(sorted(PRICES), 2)
        fixed = token_in if side is Side.EXACT_IN else token_out
        amount = int(10 ** rng.uniform(1, 4.3) / PRICES[fixed] * ATOM)
        batch.append(SwapRequest(token_in, token_out, side, amount, 5_000))
    return batch


def seconds(act: Callable[..., object], *arguments: object, repeat: int = 7) -> float:
    """The best CPU time of several runs."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        act(*arguments)
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    profile = parser.parse_args().profile
    chain = FakeChain(market())
    engine = Engine(chain)
    if profile:
        with cProfile.Profile() as profiler:
            for seed in range(10):
                engine.route(requests(seed, Side.EXACT_IN))
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
        return
    cpmm, dlmm = chain.pools[0], chain.pools[len(RAYDIUM_PAIRS)]
    swap = seconds(lambda: [cpmm.swap_exact_in("SOL", "USDC", ATOM, 0) for _ in range(10_000)]) / 10_000
    print(f"{'constant product swap':<40}{swap * 1e6:8.1f} us")
    for dollars in (1_000, 100_000, 200_000):
        amount = int(dollars / PRICES["SOL"] * ATOM)
        bins = seconds(lambda a: [dlmm.swap_exact_in("SOL", "USDC", a, 0) for _ in range(2_000)], amount) / 2_000
        print(f"{f'bin swap of {dollars:,} dollars':<40}{bins * 1e6:8.1f} us{bins / swap:8.1f} swaps")
    states = [(pool.kind, pool.pool_id, pool.venue, pool.tokens, pool.to_state()) for pool in chain.pools]
    parse = seconds(lambda: [pool_from_state(*state) for state in states])
    print(f"{'market of 14 pools from its state':<40}{parse * 1e6:8.1f} us{parse / swap:8.1f} swaps")
    hot = (("SOL", "USDC"), ("USDC", "SOL"))
    for name, side, pairs in (
        ("exact_in, any pair", Side.EXACT_IN, None),
        ("exact_out, any pair", Side.EXACT_OUT, None),
        ("exact_in, SOL/USDC both ways", Side.EXACT_IN, hot),
    ):
        batch = requests(1, side, pairs)
        answers = engine.route(batch)
        routed = sum(isinstance(answer, Quote) for answer in answers)
        hops = sum(len(a.route.hops) for a in answers if isinstance(a, Quote)) / max(1, routed)
        each = seconds(engine.route, batch) / BATCH
        print(f"{f'{name}: {routed} of {BATCH}, {hops:.1f} hops':<40}{each * 1e6:8.1f} us{each / swap:8.1f} swaps")
    too_large = [replace(r, amount=r.amount * 10**9) for r in requests(1, Side.EXACT_OUT)]
    each = seconds(engine.route, too_large) / BATCH
    print(f"{'exact_out, far beyond the market':<40}{each * 1e6:8.1f} us{each / swap:8.1f} swaps")


if __name__ == "__main__":
    main()
