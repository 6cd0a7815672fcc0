"""The best single path of each venue alone, in exact amounts, to compare with the split over all venues."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from dex.costs import NetworkFee
from dex.errors import InsufficientLiquidity
from dex.pools import Swap
from dex.router.graph.compiled import CompiledMarket
from dex.router.net.fees import FeeTable
from dex.types import Side, SwapRequest

# A bound is a product of a few floats, each exact to 1e-15 or so: far inside this margin.
BOUND_MARGIN = 1e-9
MAX_HOPS = 3  # of a venue's own path

Path = tuple[int, ...]  # edges in order
PricedPath = tuple[float, Path]  # a path, and what an atom is worth along it before any swap


class Fill(NamedTuple):
    """A path with the exact swap in each of its pools, and its fee; None: the network charges nothing.

    `net` is what it is worth to its order, more is better: its output less the fee, or minus its input and the fee.
    """

    path: Path
    swaps: tuple[Swap, ...]
    fee: NetworkFee | None
    net: int

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

    def of(self, venue: str, request: SwapRequest, market: CompiledMarket) -> Sequence[PricedPath]:
        """The venue's paths that the request permits, those of the best prices before any swap first.

        Of equal ones the shortest. They are kept with the market as long as the venue's pools stay as they are.
        """
        kept, ends = market.of_venue(venue), (request.token_in, request.token_out)
        paths = kept.get(ends)
        if paths is None:
            paths = kept[ends] = [(_price(market, path), path) for path in self._between(venue, *ends)]
            if len(paths) > 1:
                paths.sort(reverse=True, key=itemgetter(0))
        denied, hops, swaps = request.deny_tokens, request.max_hops, request.max_swaps
        if not denied and hops is None and swaps is None:
            return paths
        most = min(MAX_HOPS if limit is None else limit for limit in (hops, swaps))
        return [
            (price, path)
            for price, path in paths
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
    market: CompiledMarket, request: SwapRequest, paths: Sequence[PricedPath], fees: FeeTable | None = None
) -> Fill | InsufficientLiquidity | None:
    """The fill of the best path net of fees, or the refusal of the most promising one; None when there is no path.

    `paths` are those of the best prices first. One is skipped when even its price before the order, which no swap
    beats, could not make it the best. Equal results go to the path that comes first.
    """
    side, amount = request.side, request.amount
    best: Fill | None = None
    refusal: InsufficientLiquidity | None = None
    for price, path in paths:
        if best is not None and _bound(side, amount, price) < best.net:
            break
        fill = fill_path(market, side, amount, path, fees)
        if isinstance(fill, InsufficientLiquidity):
            refusal = refusal or fill
        elif best is None or fill.net > best.net:
            best = fill
    return best or refusal


def fill_path(
    market: CompiledMarket, side: Side, amount: int, path: Path, fees: FeeTable | None = None
) -> Fill | InsufficientLiquidity:
    """Swap through every pool of a path: forwards when the input is fixed, backwards from a fixed output."""
    is_exact_in = side is Side.EXACT_IN
    if len(path) == 1:
        swap = market.swap(path[0], amount, is_exact_in)
        if isinstance(swap, InsufficientLiquidity):
            return swap
        swaps: tuple[Swap, ...] = (swap,)
    else:
        done = []
        for edge in path if is_exact_in else reversed(path):
            swap = market.swap(edge, amount, is_exact_in)
            if isinstance(swap, InsufficientLiquidity):
                return swap
            done.append(swap)
            amount = swap.amount_out if is_exact_in else swap.amount_in
        swaps = tuple(done if is_exact_in else reversed(done))
    gross = swaps[-1].amount_out if is_exact_in else -swaps[0].amount_in
    if fees is None:
        return Fill(path, swaps, None, gross)
    fee = fees.of_path(market, path, swaps)
    # As `Fill(...)` in half of its time: each order makes one for each venue, and more.
    return tuple.__new__(Fill, (path, swaps, fee, gross - (fee.value or 0)))


def _bound(side: Side, amount: int, price: float) -> float:
    """What a path of this price cannot beat, as the score of a fill."""
    if side is Side.EXACT_IN:
        return amount * price * (1 + BOUND_MARGIN)
    return -amount / price * (1 - BOUND_MARGIN) if price else -math.inf


def _price(market: CompiledMarket, path: Path) -> float:
    price = 1.0
    for edge in path:
        price *= market.price.item(edge)
    return price
