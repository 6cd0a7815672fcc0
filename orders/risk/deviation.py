"""The guard on the distance from a reference price: an attacked pool is not traded against."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from dex import Engine, SwapRequest
from dex.costs import TokenPair
from orders.config import get_policy
from orders.risk.price_history import known_prices
from orders.risk.reference_price import reference_price
from orders.selectors import token_decimals


def with_reference_prices(requests: Sequence[SwapRequest], engine: Engine) -> list[SwapRequest]:
    """The requests, those that limit their deviation with the reference price that it is counted from.

    That is the median over the window where orders wait for the pair, so that its prices are known; else the mid price
    of the market as it is, which no small pool sets. Costs nothing where no request has the guard.
    Raises: ChainUnavailable.
    """
    guarded = {(request.token_in, request.token_out) for request in requests if request.max_deviation_ppm is not None}
    if not guarded:
        return list(requests)
    prices = _medians(engine.chain.chain_id, guarded)
    if unknown := guarded - prices.keys():
        market = engine.prices(unknown)
        prices |= {pair: mid for pair in unknown if (mid := market.by_pair[pair].mid) is not None}
    return [
        request
        if request.max_deviation_ppm is None
        else replace(request, reference_price=prices.get((request.token_in, request.token_out)))
        for request in requests
    ]


def _medians(chain_id: str, pairs: set[TokenPair]) -> dict[TokenPair, Fraction]:
    """In atoms per atom; of pairs for which more than half of the window is known."""
    window_s, decimals = get_policy().trigger_window_s, token_decimals()
    found: dict[TokenPair, Fraction] = {}
    for pair, history in known_prices(chain_id, sorted(pairs)).items():
        price = reference_price(history, window_s).rising
        if price is not None and decimals.keys() >= set(pair):
            found[pair] = _in_atoms(price, pair, decimals)
    return found


def _in_atoms(price: Decimal, pair: TokenPair, decimals: Mapping[str, int]) -> Fraction:
    return Fraction(price) * Fraction(10) ** (decimals[pair[1]] - decimals[pair[0]])
