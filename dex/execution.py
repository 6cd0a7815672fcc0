"""How a route executes on pools, swap after swap: what a quote computes and what the simulated chain does."""

from collections import Counter
from collections.abc import Iterable, MutableMapping

from dex.errors import NoRoute
from dex.pools.base import Pool, Swap
from dex.types import Hop, Route


def sell(pools: MutableMapping[str, Pool], route: Route, now: int) -> tuple[Hop, ...]:
    """Sell the planned input; what comes of each token is sold on in the planned proportions, rounded down.

    A hop that rounding leaves nothing to do is left out. Leaves `pools`, by id, as they are afterwards. Raises:
    InsufficientLiquidity, AmountTooSmall, and NoRoute for a pool that is not there; `pools` are then worth nothing.
    """
    planned, made = tokens_made(route.token_in, route.amount_in, route.hops), Counter({route.token_in: route.amount_in})
    done = []
    for hop in route.hops:
        amount = hop.amount_in * made[hop.token_in] // planned[hop.token_in]
        if not amount:  # so little came of what is before it
            continue
        swapped = swap(pools, hop, amount, True, now)
        made[hop.token_out] += swapped.amount_out
        done.append(_swapped(hop, swapped))
    return tuple(done)


def buy(pools: MutableMapping[str, Pool], route: Route, amount_out: int, now: int) -> tuple[Hop, ...]:
    """Buy the fixed output, last hop first; what is needed of each token is bought in the planned proportions.

    Leaves `pools` and raises as `sell` does.
    """
    planned = tokens_made(route.token_in, 0, route.hops)
    needed = Counter({route.token_out: amount_out})
    open_need = Counter(needed)
    done = []
    for hop in reversed(route.hops):
        part = -(-hop.amount_out * needed[hop.token_out] // planned[hop.token_out])
        part = min(part, open_need[hop.token_out])
        if not part:  # the others have bought it all
            continue
        swapped = swap(pools, hop, part, False, now)
        open_need[hop.token_out] -= swapped.amount_out
        needed[hop.token_in] += swapped.amount_in
        open_need[hop.token_in] += swapped.amount_in
        done.append(_swapped(hop, swapped))
    return tuple(reversed(done))


def _swapped(hop: Hop, swap: Swap) -> Hop:
    return Hop(hop.venue, hop.pool_id, hop.token_in, hop.token_out, swap.amount_in, swap.amount_out)


def swap(pools: MutableMapping[str, Pool], hop: Hop, amount: int, is_exact_in: bool, now: int) -> Swap:
    """Swap in the hop's pool and leave it as it is afterwards; `amount` is of the side that is fixed.

    Raises: InsufficientLiquidity, AmountTooSmall, NoRoute.
    """
    pool = pools.get(hop.pool_id)
    if pool is None or not {hop.token_in, hop.token_out} <= set(pool.tokens) or hop.token_in == hop.token_out:
        raise NoRoute(f"there is no pool {hop.pool_id} for {hop.token_in} and {hop.token_out}")
    swapped = (pool.swap_exact_in if is_exact_in else pool.swap_exact_out)(hop.token_in, hop.token_out, amount, now)
    pools[hop.pool_id] = swapped.pool_after
    return swapped


def tokens_made(token_in: str, amount_in: int, hops: Iterable[Hop]) -> Counter[str]:
    """Atoms of each token that there are to sell: the input, and what the hops pay."""
    made = Counter({token_in: amount_in})
    for hop in hops:
        made[hop.token_out] += hop.amount_out
    return made
