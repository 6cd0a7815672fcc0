"""A route as parallel legs: the form people read, fills are booked in and routers on real chains take.

A route splits and merges at tokens; its legs are paths whose first inputs and last outputs add up to it exactly.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from dex.types import Hop, Leg, Route

Path = tuple[int, ...]  # positions of a leg's hops in the route

# Below this share of what is left a hop counts as used up: the rest is rounding.
ROUNDING = 1e-9


def legs_of(route: Route) -> tuple[Leg, ...]:
    """Split a route into paths from its first to its last token, the widest first.

    A hop that several legs share is divided in proportion, in atoms. A leg that would be left without an atom at
    one of its ends is none.
    """
    hops = route.hops
    if len(hops) == 1 or all(before.token_out == after.token_in for before, after in pairwise(hops)):
        return (Leg(hops),)  # one path already, as most small orders are
    paths = _paths(route)
    while True:
        legs = _booked(route, paths)
        empty = next((i for i, leg in enumerate(legs) if not leg.amount_in or not leg.amount_out), None)
        if empty is None or len(paths) == 1:
            return _rounded(route, legs)
        del paths[empty]


def goes_leg_by_leg(route: Route) -> bool:
    """Whether a token on the way is sold to several pools, so that a chain may have to execute the legs one by one."""
    sold = Counter(hop.token_in for hop in route.hops)
    return any(count > 1 for token, count in sold.items() if token != route.token_in)


def repeats_of(route: Route) -> Counter[str]:
    """How often each pool is swapped beyond once by a chain that executes some routes leg by leg; by its id."""
    if route.token_in == route.token_out or not goes_leg_by_leg(route):  # the one, once wrapping is left out
        return Counter()
    swaps = Counter(hop.pool_id for leg in legs_of(route) for hop in leg.hops)
    return swaps - Counter(dict.fromkeys(swaps, 1))


def without_wrapping(route: Route, native: str, wrapped: str) -> Route:
    """The route without its hops between a chain's native token and its wrapper, which stands for both; empty: none."""
    if not wrapped:
        return route
    hops = tuple(
        hop if native not in {hop.token_in, hop.token_out} else _renamed(hop, native, wrapped)
        for hop in route.hops
        if {hop.token_in, hop.token_out} != {native, wrapped}
    )
    token_in, token_out = (wrapped if token == native else token for token in (route.token_in, route.token_out))
    return Route(token_in, token_out, hops)


def _renamed(hop: Hop, native: str, wrapped: str) -> Hop:
    token_in, token_out = (wrapped if token == native else token for token in (hop.token_in, hop.token_out))
    return replace(hop, token_in=token_in, token_out=token_out)


def _paths(route: Route) -> list[tuple[Path, float]]:
    """Paths with the share of the order's input that each carries."""
    width = _shares(route.token_in, route.hops)
    paths = []
    while path := _widest(route, width):
        share = min(width[number] for number in path)
        for number in path:
            width[number] = 0.0 if width[number] <= share * (1 + ROUNDING) else width[number] - share
        paths.append((path, share))
    return paths


def _shares(token_in: str, hops: Sequence[Hop]) -> list[float]:
    """The part of the order's input that goes through each hop: a token's value goes on as its atoms do."""
    sold: Counter[str] = Counter()
    for hop in hops:
        sold[hop.token_in] += hop.amount_in
    value: defaultdict[str, float] = defaultdict(float, {token_in: 1.0})
    shares = []
    for hop in hops:
        shares.append(value[hop.token_in] * (hop.amount_in / sold[hop.token_in]))
        value[hop.token_out] += shares[-1]
    return shares


def _widest(route: Route, width: Sequence[float]) -> Path:
    """The path whose narrowest hop is widest; empty when nothing is left."""
    best = {route.token_in: float("inf")}
    bought_by: dict[str, int] = {}
    for number, hop in enumerate(route.hops):
        if width[number] and hop.token_in in best:
            narrowest = min(best[hop.token_in], width[number])
            if narrowest > best.get(hop.token_out, 0.0):
                best[hop.token_out] = narrowest
                bought_by[hop.token_out] = number
    path: list[int] = []
    token = route.token_out
    while token in bought_by:  # back to token_in, which no hop of a route buys
        path.append(bought_by[token])
        token = route.hops[path[-1]].token_in
    return tuple(reversed(path))


def _booked(route: Route, paths: Sequence[tuple[Path, float]]) -> list[Leg]:
    """Divide each hop's atoms among the paths through it; the last of them gets the rest."""
    left_share = dict.fromkeys(range(len(route.hops)), 0.0)
    for path, share in paths:
        for number in path:
            left_share[number] += share
    left = {number: (hop.amount_in, hop.amount_out) for number, hop in enumerate(route.hops)}
    legs = []
    for path, share in paths:
        hops = []
        for number in path:
            part = share / left_share[number]
            left_share[number] -= share
            rest_in, rest_out = left[number]
            amounts = (rest_in, rest_out) if part > 1 - ROUNDING else (int(rest_in * part), int(rest_out * part))
            left[number] = (rest_in - amounts[0], rest_out - amounts[1])
            hops.append(_part(route.hops[number], *amounts))
        legs.append(Leg(tuple(hops)))
    return legs


def _rounded(route: Route, legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """Give the first leg what rounding, or a leg that was none, left at the ends."""
    missing_in = route.amount_in - sum(leg.amount_in for leg in legs)
    missing_out = route.amount_out - sum(leg.amount_out for leg in legs)
    if not missing_in and not missing_out:
        return tuple(legs)
    hops = list(legs[0].hops)
    hops[0] = _part(hops[0], hops[0].amount_in + missing_in, hops[0].amount_out)
    hops[-1] = _part(hops[-1], hops[-1].amount_in, hops[-1].amount_out + missing_out)
    return (Leg(tuple(hops)), *legs[1:])


def _part(hop: Hop, amount_in: int, amount_out: int) -> Hop:
    """The same swap of other amounts (dataclasses.replace takes four times as long)."""
    return Hop(hop.venue, hop.pool_id, hop.token_in, hop.token_out, amount_in, amount_out)
