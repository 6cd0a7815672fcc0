"""The best single path of a market, over all pools and over each venue alone. Exact: judged on integer swaps.

Paths are tried in the order of a bound, the product of prices that no swap through their pools can beat, and
a path is skipped once its bound cannot reach the best result found. Floats only decide what is tried.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dex.errors import InsufficientLiquidity, NoRoute
from dex.pools import Swap
from dex.router.graph import Path
from dex.router.market import Market
from dex.types import PPM, Side, SwapRequest

# A bound is a product of at most a few dozen floats, each exact to 1e-15 or so: far inside this margin.
BOUND_MARGIN = 1e-9

ALL = ""  # the scope of the whole market beside the venues' names

Memo = dict[tuple[int, int], Swap | InsufficientLiquidity]


@dataclass(slots=True)
class Fill:
    """A path with the exact swap in each of its pools."""

    path: Path
    swaps: tuple[Swap, ...]

    @property
    def amount_in(self) -> int:
        """Atoms the path takes."""
        return self.swaps[0].amount_in

    @property
    def amount_out(self) -> int:
        """Atoms the path pays."""
        return self.swaps[-1].amount_out


@dataclass(slots=True)
class Findings:
    """The best fill, or the refusal of the most promising path, of each scope: a venue alone, or ALL pools."""

    fills: dict[str, Fill]
    refusals: dict[str, InsufficientLiquidity]


def search(market: Market, request: SwapRequest, paths: Sequence[Path]) -> Findings:
    """Try paths, most promising first, until no other can win; equal results go to the path of lower rank."""
    memo: Memo = {}
    fills: dict[str, Fill] = {}
    scores: dict[str, tuple[int, int]] = {}
    refusals: dict[str, InsufficientLiquidity] = {}
    for bound, path in _by_bound(market, request, paths):
        scopes = (ALL,) if path.venue is None else (ALL, path.venue)
        if all(scope in scores and bound < scores[scope][0] for scope in scopes):
            continue
        fill = fill_path(market, request.side, request.amount, path, memo)
        if isinstance(fill, InsufficientLiquidity):
            refusals |= {scope: fill for scope in scopes if scope not in refusals}
            continue
        score = (fill.amount_out if request.side is Side.EXACT_IN else -fill.amount_in, -path.rank)
        for scope in scopes:
            if scope not in scores or score > scores[scope]:
                scores[scope], fills[scope] = score, fill
    return Findings(fills, refusals)


def allowed_paths(market: Market, request: SwapRequest) -> list[Path]:
    """The paths the request permits. Raises: NoRoute."""
    venues = allowed_venues(market, request)
    paths = market.graph.paths(request.token_in, request.token_out, request.max_hops)
    permitted = [path for path in paths if path.venues <= venues]
    if not permitted:
        where = "any venue" if venues == set(market.venues) else "the venues you allow"
        raise NoRoute(
            f"no pools on {where} lead from {request.token_in} to {request.token_out} in {request.max_hops} hops"
        )
    return permitted


def allowed_venues(market: Market, request: SwapRequest) -> frozenset[str]:
    """The market's venues that the request permits."""
    venues = request.allow_venues & set(market.venues) if request.allow_venues else frozenset(market.venues)
    return venues - request.deny_venues


def fill_path(market: Market, side: Side, amount: int, path: Path, memo: Memo) -> Fill | InsufficientLiquidity:
    """Swap through every pool of a path: forwards when the input is fixed, backwards from a fixed output."""
    is_exact_in = side is Side.EXACT_IN
    swaps = []
    for number in path.edges if is_exact_in else reversed(path.edges):
        swap = memo.get((number, amount))
        if swap is None:
            swap = memo[number, amount] = _swap(market, number, amount, is_exact_in)
        if isinstance(swap, InsufficientLiquidity):
            return swap
        swaps.append(swap)
        amount = swap.amount_out if is_exact_in else swap.amount_in
    return Fill(path, tuple(swaps if is_exact_in else reversed(swaps)))


def largest_fill(market: Market, request: SwapRequest, paths: Iterable[Path]) -> int:
    """The largest amount below the request's, which no path fills, that some path does fill; 0 when none is found.

    That amount does fill; one larger by a millionth, and by one atom at least, does not. What a path fills is
    one range: below it rounding leaves nothing, above it a pool runs out. It is looked for by halving, so a
    range narrower than a factor of two may be missed. Dear, so the market remembers it until a pool changes.
    """
    key = (request.side, request.token_in, request.token_out, request.max_hops, allowed_venues(market, request))
    largest = market.largest_fills.get(key, 0)
    if not 0 < largest < request.amount:
        largest = 0
        for path in paths:
            largest = _largest_on_path(market, request, path, largest)
        market.largest_fills[key] = largest
    return largest


def _largest_on_path(market: Market, request: SwapRequest, path: Path, floor: int) -> int:
    """The largest amount below the request's that a path fills, `floor` where it is not more than that."""
    low, high, probe = floor, request.amount, request.amount // 2
    while probe > floor:
        if _fills(market, request.side, probe, path):
            low = probe
            break
        high, probe = probe, probe // 2
    if low == floor and not _fills(market, request.side, floor + 1, path):
        return floor
    while high - low > max(1, low // PPM):
        middle = (low + high) // 2
        low, high = (middle, high) if _fills(market, request.side, middle, path) else (low, middle)
    return low


def _fills(market: Market, side: Side, amount: int, path: Path) -> bool:
    return isinstance(fill_path(market, side, amount, path, {}), Fill)


def _by_bound(market: Market, request: SwapRequest, paths: Sequence[Path]) -> list[tuple[float, Path]]:
    """Paths with the best score they could reach, best first. The score is the output, or minus the input."""
    bounds, amount, is_exact_in = market.bounds, request.amount, request.side is Side.EXACT_IN
    ranked = []
    for path in paths:
        price = 1.0
        for number in path.edges:
            price *= bounds[number]
        if is_exact_in:
            bound = amount * price * (1 + BOUND_MARGIN)
        else:
            bound = -amount / price * (1 - BOUND_MARGIN) if price else float("-inf")
        ranked.append((bound, path))
    ranked.sort(key=_bound, reverse=True)
    return ranked


def _bound(entry: tuple[float, Path]) -> float:
    return entry[0]


def _swap(market: Market, number: int, amount: int, is_exact_in: bool) -> Swap | InsufficientLiquidity:
    edge = market.graph.edges[number]
    pool = market.pools[edge.pool]
    swap = pool.swap_exact_in if is_exact_in else pool.swap_exact_out
    try:
        return swap(edge.token_in, edge.token_out, amount, market.now)
    except InsufficientLiquidity as error:
        return error
