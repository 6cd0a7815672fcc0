"""Random markets for benchmarks of the router: seeded, of any size, in the form of problem files.

Every token has a value, and every pool's price keeps within its fee of what the two values say, so no circle of swaps
gains: at the values as prices every swap loses. A few hubs join most pools, as on real chains.

Run: python -m benchmarks.markets. Prints what making and reading markets costs, and the best swap at the values.
"""

import argparse
import math
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from dex.pools.math.ticks import sqrt_price_x96, tick_at
from dex.problems.document import SCHEMA, ProblemSet
from dex.types import PPM

GRAPH = "market"
SIZES = (10, 100, 1_000, 10_000)

# Symbol, decimals, dollars. Dollars themselves come first: pairs of them are stable pairs.
STABLES = (("USDC", 6, 1.0), ("USDT", 6, 1.0), ("DAI", 18, 1.0))
HUBS = (("WETH", 18, 3_000.0), ("SOL", 9, 150.0), ("WBTC", 8, 90_000.0))
_STABLE_SYMBOLS = {symbol for symbol, *_ in STABLES}
_HUB_SYMBOLS = {symbol for symbol, *_ in (*STABLES, *HUBS)}
DECIMALS = (6, 8, 9, 18, 18)
PARALLEL_SHARE, TAIL_SHARE = 0.4, 0.15  # of pools beyond the first of each token: between hubs, between others
MOST_OF_POOLS = 0.1  # of what all pools of a token hold of it: the most that an order asks for
WITHIN_FEE = 0.8  # how far of its fee a price may be from the values

TICK_FEES = ((100, 1), (500, 10), (3_000, 60), (10_000, 200))
BIN_STEPS = (4, 10, 20, 25, 80)
WEIGHTS = ("0.2", "0.4", "0.5", "0.6", "0.8")
STABLE_FEES, STABLE_AMPS = (40, 100, 400), (100, 200, 500, 1_000)


class Token(NamedTuple):
    """A token and what one atom of it is worth, in dollars."""

    symbol: str
    decimals: int
    value: float


class GeneratedMarket(NamedTuple):
    """The problems of one graph, and the dollars that an atom of each of its tokens is worth, by name.

    `document` is what the problems were read from.
    """

    problems: ProblemSet
    values: dict[str, float]
    document: dict[str, Any]


def market(pool_count: int, seed: int = 1, order_count: int = 20, mode: str = "exact_in") -> GeneratedMarket:
    """A market of about `pool_count` / 4 tokens, all within reach of each other, and orders in it.

    Orders are of 30 to 300,000 dollars, smaller where the pools are too shallow for that. The graph's id is `GRAPH`,
    the orders' are "o0", "o1" and so on. The same arguments give the same market.
    """
    rng = random.Random(seed)
    tokens = _tokens(rng, max(4, pool_count // 4))
    return _market(rng, tokens, _pairs(rng, len(tokens), pool_count), order_count, mode)


def pair_market(pool_count: int, seed: int = 1, order_count: int = 20, mode: str = "exact_in") -> GeneratedMarket:
    """The same with just two tokens, one of them a hub: all pools lie side by side."""
    rng = random.Random(seed)
    hub, other = rng.sample(_tokens(rng, len(STABLES) + len(HUBS) + 1), 2)
    tokens = [hub, other] if _is_hub(hub) else [other, hub]
    pairs = [(0, 1) if rng.random() < 1 / 2 else (1, 0) for _ in range(pool_count)]
    return _market(rng, tokens, pairs, order_count, mode)


def _market(
    rng: random.Random, tokens: list[Token], pairs: list[tuple[int, int]], order_count: int, mode: str
) -> GeneratedMarket:
    held = [0.0] * len(tokens)  # dollars in all pools of a token
    pools = []
    for number, (first, second) in enumerate(pairs):
        both = tokens[first], tokens[second]
        kind = _kind(rng, all(token.symbol in _STABLE_SYMBOLS for token in both))
        dollars = 10 ** (rng.uniform(5.5, 8) if all(map(_is_hub, both)) else rng.uniform(4, 6.5))
        pool = _MAKERS[kind](rng, tokens[first].value, tokens[second].value, dollars)
        held[first] += dollars / 2
        held[second] += dollars / 2
        pools.append({"id": f"p{number}", "kind": kind, "tokens": [first, second]} | pool)
    graph = {"tokens": [{"symbol": token.symbol, "decimals": token.decimals} for token in tokens], "pools": pools}
    cases = [_order(rng, tokens, held, f"o{number}", mode) for number in range(order_count)]
    document = {"schema": SCHEMA, "graphs": {GRAPH: graph}, "cases": cases}
    values = {f"t{index}": token.value for index, token in enumerate(tokens)}
    return GeneratedMarket(ProblemSet(document), values, document)


def _is_hub(token: Token) -> bool:
    return token.symbol in _HUB_SYMBOLS


def _tokens(rng: random.Random, count: int) -> list[Token]:
    rows = [*STABLES, *HUBS][:count]
    rows += [(f"T{n}", rng.choice(DECIMALS), 10 ** rng.uniform(-6, 3.5)) for n in range(len(rows), count)]
    return [Token(symbol, decimals, dollars / 10.0**decimals) for symbol, decimals, dollars in rows]


def _hub_count(token_count: int) -> int:
    return min(len(STABLES) + len(HUBS), token_count)


def _pairs(rng: random.Random, token_count: int, pool_count: int) -> list[tuple[int, int]]:
    """Tokens of every pool in either order: a first pool to a hub for each token, then what the shares say."""
    hubs = range(_hub_count(token_count))
    pairs = [(token, rng.choice(hubs[:token])) for token in range(1, token_count)]
    while len(pairs) < pool_count:
        draw = rng.random()
        if draw < PARALLEL_SHARE or token_count == len(hubs):
            first, second = rng.sample(hubs, 2)
        elif draw < PARALLEL_SHARE + TAIL_SHARE and token_count - len(hubs) > 1:
            first, second = rng.sample(range(len(hubs), token_count), 2)
        else:
            first, second = rng.randrange(len(hubs), token_count), rng.choice(hubs)
        pairs.append((first, second))
    return [pair if rng.random() < 1 / 2 else pair[::-1] for pair in pairs[:pool_count]]


def _kind(rng: random.Random, is_stable_pair: bool) -> str:
    if is_stable_pair and rng.random() < 2 / 3:
        return "stable"
    return rng.choices(("constant_product", "concentrated", "bins", "weighted"), (38, 33, 19, 10))[0]


def _off(rng: random.Random, fee_ppm: int) -> float:
    """A factor on the price that the fee outweighs both ways."""
    return math.exp(WITHIN_FEE * rng.uniform(-1, 1) * -math.log1p(-fee_ppm / PPM))


def _order(rng: random.Random, tokens: list[Token], held: list[float], order_id: str, mode: str) -> dict[str, Any]:
    token_in, token_out = rng.sample(range(len(tokens)), 2)
    value = tokens[token_in if mode == "exact_in" else token_out].value
    dollars = min(10 ** rng.uniform(1.5, 5.5), MOST_OF_POOLS * held[token_in], MOST_OF_POOLS * held[token_out])
    amount = max(1, int(dollars / value))
    order = {"id": order_id, "graph": GRAPH, "mode": mode, "amount": str(amount)}
    return order | {"token_in": token_in, "token_out": token_out}


# Makers of pools: values of an atom of the first and of the second token, and the dollars that the pool holds.


def _constant_product(rng: random.Random, value0: float, value1: float, dollars: float) -> dict[str, Any]:
    fee_ppm = rng.choice((500, 2_500, 3_000, 10_000))
    reserves = [str(int(dollars / 2 / value0)), str(int(dollars / 2 / value1 * _off(rng, fee_ppm)))]
    return {"fee_ppm": fee_ppm, "reserves": reserves}


def _weighted(rng: random.Random, value0: float, value1: float, dollars: float) -> dict[str, Any]:
    fee_ppm, weight = rng.choice((1_000, 3_000, 10_000)), float(rng.choice(WEIGHTS))
    reserves = [dollars * weight / value0, dollars * (1 - weight) / value1 * _off(rng, fee_ppm)]
    weights = [f"{weight:.1f}", f"{1 - weight:.1f}"]
    return {"fee_ppm": fee_ppm, "weights": weights, "reserves": [str(int(reserve)) for reserve in reserves]}


def _stable(rng: random.Random, value0: float, value1: float, dollars: float) -> dict[str, Any]:
    fee_ppm, amp = rng.choice(STABLE_FEES), rng.choice(STABLE_AMPS)
    # Near balance the price moves by 4 / (2 amp + 2) of the imbalance, at 30 % by a fifth more.
    uneven = rng.uniform(-1, 1) * min(0.3, fee_ppm / PPM * WITHIN_FEE / 1.3 * (amp + 1) / 2)
    reserves = [str(int(dollars / 2 / value0 * (1 + uneven))), str(int(dollars / 2 / value1 * (1 - uneven)))]
    return {"fee_ppm": fee_ppm, "amp": str(amp), "reserves": reserves}


def _concentrated(rng: random.Random, value0: float, value1: float, dollars: float) -> dict[str, Any]:
    fee_ppm, spacing = rng.choice(TICK_FEES)
    sqrt_price = int(math.sqrt(value0 / value1 * _off(rng, fee_ppm)) * 2**96)
    tick = tick_at(sqrt_price, 96, sqrt_price_x96)
    nets: dict[int, int] = {}
    liquidity = 0
    # One wide position, so that no order finds nothing, and narrower ones around the price.
    widths = [8_000, *(math.exp(rng.uniform(4.6, 8.7)) for _ in range(rng.randrange(2, 8)))]
    for width in widths:
        below, above = rng.uniform(0.2, 1) * width, rng.uniform(0.2, 1) * width
        lower, upper = int(tick - below) // spacing * spacing, int(tick + above) // spacing * spacing + spacing
        share = dollars / len(widths) / 2 / value1 / (sqrt_price / 2**96)
        amount = int(share / -math.expm1(math.log(1.0001) * (lower - tick - 1) / 2))
        liquidity += amount
        nets[lower] = nets.get(lower, 0) + amount
        nets[upper] = nets.get(upper, 0) - amount
    pool = {"fee_ppm": fee_ppm, "tick_spacing": spacing, "sqrt_price_x96": str(sqrt_price), "tick": tick}
    return pool | {"liquidity": str(liquidity), "ticks": [[at, str(net)] for at, net in sorted(nets.items())]}


def _bins(rng: random.Random, value0: float, value1: float, dollars: float) -> dict[str, Any]:
    bin_step, reach = rng.choice(BIN_STEPS), rng.randrange(8, 36)
    log_ratio = math.log1p(bin_step / 10_000)
    active_id = round(math.log(value0 / value1) / log_ratio)
    # The price is within half a step of the values; the fee is more than that.
    fee_ppm = int(bin_step * 100 * rng.uniform(0.6, 1.2))
    depth0, depth1 = dollars / 2 / reach / value0, dollars / 2 / reach / value1
    bins = []
    for bin_id in range(active_id - reach, active_id + reach + 1):
        amount0 = int(depth0 * rng.uniform(0.3, 1.7)) if bin_id >= active_id else 0
        amount1 = int(depth1 * rng.uniform(0.3, 1.7)) if bin_id <= active_id else 0
        bins.append([bin_id, str(amount0), str(amount1)])
    return {"fee_ppm": fee_ppm, "bin_step": bin_step, "active_id": active_id, "bins": bins}


_MAKERS: dict[str, Callable[[random.Random, float, float, float], dict[str, Any]]] = {
    "constant_product": _constant_product,
    "weighted": _weighted,
    "stable": _stable,
    "concentrated": _concentrated,
    "bins": _bins,
}


def best_swap(made: GeneratedMarket) -> float:
    """What the best swap of any pool gives for a dollar's worth, at the values: below 1 no circle of swaps gains."""
    values = made.values
    return max(
        pool.marginal_price(token_in, token_out, 0) * values[token_out] / values[token_in]
        for pool in made.problems.graph(GRAPH).pools
        for token_in, token_out in (pool.tokens, pool.tokens[::-1])
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    print(f"{'pools':>8}{'tokens':>8}{'make':>10}{'read':>10}{'best swap':>12}")
    for pool_count in SIZES:
        start = time.process_time()
        made = market(pool_count, seed)
        read = time.process_time()
        made.problems.graph(GRAPH)
        end = time.process_time()
        make_ms, read_ms = (read - start) * 1e3, (end - read) * 1e3
        print(f"{pool_count:>8,}{len(made.values):>8,}{make_ms:>7.1f} ms{read_ms:>7.1f} ms{best_swap(made):>12.6f}")


if __name__ == "__main__":
    main()
