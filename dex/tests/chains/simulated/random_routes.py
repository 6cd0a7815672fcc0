"""Random routes over the pools of a ledger: one swap, a few one after another, or a graph that splits and merges.

Nothing of the router takes part: pools are drawn blindly, and their own arithmetic says what the plan pays.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import permutations

from dex import Hop, Pool, Route, Side
from dex.chains.simulated.ledger import Executed, execute
from dex.chains.simulated.transaction import Transaction
from dex.errors import DexError
from dex.testing import NOW
from dex.tests.chains.simulated.ledgers import MARKET, POOLS, VALUES, funded, transaction

MAX_HOPS = 4
MAX_EXTRA_POOLS = 6
MAX_DOLLARS = 6  # decimal digits

# A pool, and of its tokens the one that is sold and the one that is bought.
Way = tuple[Pool, str, str]

# A hop between two tokens of each pool there is, those of three tokens in all their pairs.
POOL_HOPS = [
    Hop(pool.venue, pool.pool_id, token_in, token_out, 0, 0)
    for pool in MARKET.pools
    for token_in, token_out in permutations(pool.tokens, 2)
]


def random_route(wishes: random.Random, number: int, pools: Mapping[str, Pool], now: int) -> Route:
    """A route that the pools fill as they are; by its number it is one swap, a chain or a graph."""
    draw = (_swap, _chain, _graph)[number % 3]
    while True:
        route = _filled(wishes, draw(wishes, pools), now)
        if route is not None:
            return route


def good_plans(seed: int, count: int, side: Side) -> Iterator[tuple[Transaction, Executed]]:
    """Plans that genesis can fill, and what they give there."""
    wishes, number = random.Random(seed), 0
    while number < count:
        plan = transaction(side, random_route(wishes, number, POOLS, NOW))
        done = execute(funded(), plan, NOW)
        if done.code is None:
            number += 1
            yield plan, done


def is_split(route: Route) -> bool:
    """Whether anything is sold through more than one pool."""
    return max(Counter(hop.token_in for hop in route.hops).values()) > 1


def hubs(route: Route) -> set[str]:
    """Tokens on the way that several pools pay and several others take."""
    paid, sold = Counter(hop.token_out for hop in route.hops), Counter(hop.token_in for hop in route.hops)
    return {token for token in paid if paid[token] > 1 and sold[token] > 1}


def _swap(wishes: random.Random, pools: Mapping[str, Pool]) -> list[Way]:
    hop = wishes.choice(POOL_HOPS)
    return [(pools[hop.pool_id], hop.token_in, hop.token_out)]


def _chain(wishes: random.Random, pools: Mapping[str, Pool]) -> list[Way]:
    """Two swaps or more, one after another, that come back to no token and no pool."""
    length, tokens = wishes.randint(2, MAX_HOPS), [wishes.choice(list(VALUES))]
    ways: list[Way] = []
    while len(ways) < length:
        used = {pool.pool_id for pool, _, _ in ways}
        onward = [
            (pool, tokens[-1], token)
            for pool in pools.values()
            if tokens[-1] in pool.tokens and pool.pool_id not in used
            for token in pool.tokens
            if token not in tokens
        ]
        if not onward:
            return _chain(wishes, pools)
        ways.append(wishes.choice(onward))
        tokens.append(ways[-1][2])
    return ways


def _graph(wishes: random.Random, pools: Mapping[str, Pool]) -> list[Way]:
    """A chain with more pools beside it, between any two of its tokens; each token in the order of the chain."""
    chain = _chain(wishes, pools) if wishes.random() < 0.8 else _swap(wishes, pools)
    tokens = [chain[0][1], *(token for _, _, token in chain)]
    used = {pool.pool_id for pool, _, _ in chain}
    beside = [
        (pool, token_in, token_out)
        for number, token_in in enumerate(tokens)
        for token_out in tokens[number + 1 :]
        for pool in pools.values()
        if {token_in, token_out} <= set(pool.tokens) and pool.pool_id not in used
    ]
    wishes.shuffle(beside)
    extra = {pool.pool_id: (pool, token_in, token_out) for pool, token_in, token_out in beside}
    ways = [*chain, *list(extra.values())[: wishes.randint(1, MAX_EXTRA_POOLS)]]
    return sorted(ways, key=lambda way: tokens.index(way[1]))


def _filled(wishes: random.Random, ways: list[Way], now: int) -> Route | None:
    """The ways with amounts for 1 to a million dollars, in random parts; None where a pool refuses its part."""
    first, last = ways[0][1], ways[-1][2]
    held: defaultdict[str, int] = defaultdict(int)
    held[first] = max(1, int(10 ** wishes.uniform(0, MAX_DOLLARS) / VALUES[first]))
    weights = [wishes.random() for _ in ways]
    hops: list[Hop] = []
    for number, (pool, token_in, token_out) in enumerate(ways):
        siblings = [weight for weight, way in zip(weights[number:], ways[number:], strict=True) if way[1] == token_in]
        part = held[token_in] if len(siblings) == 1 else int(held[token_in] * siblings[0] / sum(siblings))
        if len(siblings) == 1 and token_in != first and wishes.random() < 0.1:
            part -= wishes.randint(0, part // 1_000)  # crumbs, which stay with the wallet
        try:
            swap = pool.swap_exact_in(token_in, token_out, part, now)
        except DexError:
            return None
        held[token_in] -= part
        held[token_out] += swap.amount_out
        hops.append(Hop(pool.venue, pool.pool_id, token_in, token_out, swap.amount_in, swap.amount_out))
    return Route(first, last, tuple(hops))
