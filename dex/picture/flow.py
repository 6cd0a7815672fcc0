"""Swaps as a flow: each swap's share of the order, and how many swaps lie before each token."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    """One swap as it is drawn. Amounts are atoms; only their proportions within one token matter.

    `label` names the pool; `venue` may add where it is and decides the colour.
    """

    token_in: str
    token_out: str
    amount_in: int
    amount_out: int
    label: str
    venue: str = ""
    fee_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """`shares` of the order, one for each band; `columns` hold each token's longest way from the source in swaps.

    Every token passes on all that it gets: what leaves a token adds up to what enters it.
    """

    source: str
    shares: tuple[float, ...]
    columns: dict[str, int]
    through: dict[str, float]


def flow_of(bands: Sequence[Band]) -> Flow:
    """Shares from the proportions in which each token is sold, the source's order being 1.

    Raises: ValueError when there are no swaps, an amount is not positive, the swaps form a cycle, or do
    not all start from one token.
    """
    if not bands:
        raise ValueError("there are no swaps to draw")
    if any(band.amount_in <= 0 or band.amount_out <= 0 for band in bands):
        raise ValueError("every swap must have positive amounts")
    selling: defaultdict[str, list[int]] = defaultdict(list)
    for number, band in enumerate(bands):
        selling[band.token_in].append(number)
    order = _sorted_tokens(bands)
    bought = {band.token_out for band in bands}
    sources = [token for token in order if token not in bought]
    if len(sources) != 1:
        raise ValueError(f"the swaps must start from one token, not from {', '.join(sorted(sources))}")
    shares = [0.0] * len(bands)
    columns = dict.fromkeys(order, 0)
    through = dict.fromkeys(order, 0.0)
    through[sources[0]] = 1.0
    for token in order:
        sold = sum(bands[number].amount_in for number in selling[token])
        for number in selling[token]:
            shares[number] = through[token] * (bands[number].amount_in / sold)
            head = bands[number].token_out
            through[head] += shares[number]
            columns[head] = max(columns[head], columns[token] + 1)
    return Flow(sources[0], tuple(shares), columns, through)


def _sorted_tokens(bands: Sequence[Band]) -> list[str]:
    """Every token after all that it is bought with, else in order of appearance. Raises: ValueError."""
    waiting: dict[str, int] = {}
    for band in bands:
        waiting.setdefault(band.token_in, 0)
        waiting[band.token_out] = waiting.get(band.token_out, 0) + 1
    order = [token for token, count in waiting.items() if not count]
    for token in order:  # grows as it goes
        for band in bands:
            if band.token_in == token:
                waiting[band.token_out] -= 1
                if not waiting[band.token_out]:
                    order.append(band.token_out)
    if len(order) < len(waiting):
        raise ValueError("the swaps form a cycle")
    return order
