"""The best single path of each venue alone, in exact amounts, to compare with the split over all venues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dex.errors import InsufficientLiquidity
from dex.pools import Swap
from dex.router.graph.compiled import CompiledMarket
from dex.router.net.fees import FeeTable
from dex.types import Side, SwapRequest

# A bound is a product of a few floats, each exact to 1e-15 or so: far inside this margin.
BOUND_MARGIN = 1e-9
MAX_HOPS = 3  # of a venue's own path

Path = tuple[int, ...]  # edges in order
Memo = dict[tuple[int, int], "Swap | InsufficientLiquidity"]


class Fill(NamedTuple):
    """A path with the exact swap in each of its pools."""

    path: Path
    swaps: tuple[Swap, ...]

    @property
    def by_edge(self) -> list[tuple[int, Swap]]:
        """Each swap with its edge."""
        return list(zip(self.path, self.swaps, strict=True))

    @property
    def amount_in(self) -> int:
        """Atoms the path takes."""
        return self.swaps[0].amount_in

    @property
    def amount_out(self) -> int:
        """Atoms the path pays."""
        return self.swaps[-1].amount_out


class VenuePaths:
    """Paths inside one venue, kept once found: they depend on which pools there are, not on their states."""

    def __init__(self, market: CompiledMarket) -> None:
        self._ends = market.edge_tokens
        self._pool = market.pool.tolist()
        self._leaving: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for edge, number in enumerate(market.venue.tolist()):
            self._leaving[market.venues[number], market.edge_tokens[edge][0]].append(edge)
        self._found: dict[tuple[str, str, str], tuple[Path, ...]] = {}

    def of(self, venue: str, request: SwapRequest) -> list[Path]:
        """The venue's paths that the request permits, shortest first."""
        limits = [limit for limit in (request.max_hops, request.max_swaps) if limit is not None]
        denied, most = request.deny_tokens, min([MAX_HOPS, *limits])
        return [
            path
            for path in self._between(venue, request.token_in, request.token_out)
            if len(path) <= most and not (denied and any(self._ends[edge][1] in denied for edge in path[:-1]))
        ]

    def _between(self, venue: str, token_in: str, token_out: str) -> tuple[Path, ...]:
        """All paths of up to MAX_HOPS pools of the venue that visit no token and no pool twice, shortest first."""
        key = (venue, token_in, token_out)
        found = self._found.get(key)
        if found is None:
            walks = self._walks(venue, token_out, MAX_HOPS, (token_in,), ())
            found = self._found[key] = tuple(sorted(walks, key=lambda path: (len(path), path)))
        return found

    def _walks(self, venue: str, target: str, hops_left: int, tokens: tuple[str, ...], walk: Path) -> Iterator[Path]:
        used = {self._pool[edge] for edge in walk}
        for edge in self._leaving.get((venue, tokens[-1]), ()):
            head = self._ends[edge][1]
            if self._pool[edge] in used or head in tokens:
                continue
            if head == target:
                yield (*walk, edge)
            elif hops_left > 1:
                yield from self._walks(venue, target, hops_left - 1, (*tokens, head), (*walk, edge))


def best_fill(
    market: CompiledMarket, request: SwapRequest, paths: Iterable[Path], fees: FeeTable | None = None
) -> Fill | InsufficientLiquidity | None:
    """The fill of the best path net of fees, or the refusal of the most promising one; None when there is no path.

    A path is skipped when even its price before the order, which no swap beats, could not make it the best. Equal
    results go to the path that comes first.
    """
    memo: Memo = {}
    best: Fill | None = None
    best_score = 0
    refusal: InsufficientLiquidity | None = None
    for bound, path in sorted(_bounds(market, request, paths), reverse=True, key=lambda ranked: ranked[0]):
        if best is not None and bound < best_score:
            break
        fill = fill_path(market, request.side, request.amount, path, memo)
        if isinstance(fill, InsufficientLiquidity):
            refusal = refusal or fill
        elif best is None or net_of(market, request.side, fill, fees) > best_score:
            best, best_score = fill, net_of(market, request.side, fill, fees)
    return best or refusal


def net_of(market: CompiledMarket, side: Side, fill: Fill, fees: FeeTable | None) -> int:
    """What a fill is worth to the order, more is better: its output less the fee, or minus its input and the fee."""
    fee = 0 if fees is None else fees.of(market, fill.by_edge).value or 0
    return (fill.amount_out if side is Side.EXACT_IN else -fill.amount_in) - fee


def fill_path(
    market: CompiledMarket, side: Side, amount: int, path: Path, memo: Memo | None = None
) -> Fill | InsufficientLiquidity:
    """Swap through every pool of a path: forwards when the input is fixed, backwards from a fixed output."""
    is_exact_in = side is Side.EXACT_IN
    memo = {} if memo is None else memo
    swaps = []
    for edge in path if is_exact_in else reversed(path):
        swap = memo.get((edge, amount))
        if swap is None:
            swap = memo[edge, amount] = _swap(market, edge, amount, is_exact_in)
        if isinstance(swap, InsufficientLiquidity):
            return swap
        swaps.append(swap)
        amount = swap.amount_out if is_exact_in else swap.amount_in
    return Fill(path, tuple(swaps if is_exact_in else reversed(swaps)))


def _bounds(market: CompiledMarket, request: SwapRequest, paths: Iterable[Path]) -> Iterator[tuple[float, Path]]:
    for path in paths:
        price = 1.0
        for edge in path:
            price *= float(market.price[edge])
        if request.side is Side.EXACT_IN:
            yield request.amount * price * (1 + BOUND_MARGIN), path
        else:
            yield (-request.amount / price * (1 - BOUND_MARGIN) if price else float("-inf")), path


def _swap(market: CompiledMarket, edge: int, amount: int, is_exact_in: bool) -> Swap | InsufficientLiquidity:
    pool = market.pools[int(market.pool[edge])]
    swap = pool.swap_exact_in if is_exact_in else pool.swap_exact_out
    try:
        return swap(*market.edge_tokens[edge], amount, market.now)
    except InsufficientLiquidity as error:
        return error
