"""Which orders `manage.py seed` posts: those that show what the chain does, or else what its pools allow."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.core.management.base import CommandError

from dex.chains import CHAINS, ChainKind, chain_kind
from dex.chains.kind import DemoOrder

WRAPPING = "wrapping"
COUNT = 5
# Of what the deepest pool of the pair holds: too little to move its price.
SHARE = Decimal("0.0005")
DIGITS = 3


def orders_for(offer: Mapping[str, Any], tokens: Sequence[Mapping[str, Any]], spend: str | None) -> Sequence[DemoOrder]:
    """Up to five different orders by what GET /venues and GET /tokens say; `spend` is `TOKEN=AMOUNT` of each.

    Raises: CommandError where real money would move and `spend` is not given, or nothing can be traded.
    """
    kind = kind_of(offer)
    if offer["moves_real_money"] and not spend:
        raise CommandError(
            f"orders on {offer['chain']} move real money: --spend TOKEN=AMOUNT says what each of them gives"
        )
    pairs = _pairs(offer, {token["symbol"]: token["decimals"] for token in tokens})
    if spend:
        return _spending(spend, pairs)
    if kind is not None and kind.demo_orders:
        return kind.demo_orders
    if not pairs:
        raise CommandError(f"no pool of {offer['chain']} trades two of the tokens that orders may name")
    return [({"token_in": a, "token_out": b, "amount": amount}, "filled") for (a, b), amount in _varied(pairs)]


def kind_of(offer: Mapping[str, Any]) -> ChainKind | None:
    """The kind of the server's chain, where its id is the name of one: not on chains that the server's file names."""
    return chain_kind(offer["chain"]) if offer["chain"] in CHAINS else None


def _spending(spend: str, pairs: Mapping[tuple[str, str], str]) -> list[DemoOrder]:
    token, _, amount = spend.partition("=")
    if not amount:
        raise CommandError("--spend is TOKEN=AMOUNT, in units of the token")
    others = [b for a, b in pairs if a == token]
    if not others:
        raise CommandError(f"no pool trades {token[:32]}")
    return [({"token_in": token, "token_out": other, "amount": amount}, "filled") for other in others[:COUNT]]


def _pairs(offer: Mapping[str, Any], decimals: Mapping[str, int]) -> dict[tuple[str, str], str]:
    """A fitting amount for each direction of each pair that some pool trades, the pairs in the order of the pools."""
    deepest: dict[tuple[str, str], Decimal] = {}
    for venue in offer["results"]:
        for pool in venue["pools"] if venue["venue"] != WRAPPING else ():
            held = {token: Decimal(amount) for token, amount in pool["reserves"].items() if token in decimals}
            for pair in ((a, b) for a in held for b in held if a != b):
                deepest[pair] = max(deepest.get(pair, Decimal(0)), held[pair[0]])
    amounts = {pair: _rounded(held * SHARE, decimals[pair[0]]) for pair, held in deepest.items()}
    return {pair: format(amount, "f") for pair, amount in amounts.items() if amount}


def _rounded(amount: Decimal, decimals: int) -> Decimal:
    """Down to a few digits, and to what the token can hold."""
    exponent = max(amount.adjusted() - DIGITS + 1, -decimals)
    return amount.quantize(Decimal(1).scaleb(exponent), ROUND_DOWN) if amount else amount


def _varied(pairs: Mapping[tuple[str, str], str]) -> list[tuple[tuple[str, str], str]]:
    """Every other pair the other way round, so that tokens are both given and got; then the other directions."""
    one_way = [pair for pair in pairs if pair[0] < pair[1]]
    turned = [(b, a) if number % 2 else (a, b) for number, (a, b) in enumerate(one_way)]
    ordered = [pair for pair in turned if pair in pairs]
    ordered += [pair for pair in pairs if pair not in ordered]
    return [(pair, pairs[pair]) for pair in ordered[:COUNT]]
