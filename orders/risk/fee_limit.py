"""The owner's limit on network fees, `fee.max_native`: above it no swap is signed, and the order waits."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from dex import (
    DexError,
    Engine,
    Fees,
    FeesTooHigh,
    FeeStrategy,
    Quote,
    Signable,
    SignedTransaction,
    SwapRequest,
    Token,
)
from orders.amounts import format_units

HINT = "Raise fee.max_native, or place the order again when fees have fallen"
Offers = Mapping[FeeStrategy, Fees]


def above_limit(cost: int, left: int | None, native: Token) -> FeesTooHigh | None:
    """Why a swap that may cost `cost` native atoms waits, of which `left` are allowed; None where it does not."""
    if left is None or cost <= left:
        return None
    asked, allowed = format_units(cost, native.decimals), format_units(left, native.decimals)
    detail = f"it may cost {asked} {native.symbol} on the network now, and fee.max_native leaves {allowed}"
    return FeesTooHigh(detail, hint=HINT, token=native.symbol, may_cost=asked, left=allowed)


def offers_for(requests: Iterable[SwapRequest], ask: Callable[[], Offers]) -> Offers | None:
    """What transactions offer now, where one of the requests limits what it may cost; else None, and no node is asked.

    None as well while the network asks more than the chain's `max_fee`: until that ends nothing is signed.
    Raises: ChainUnavailable.
    """
    if all(request.max_network_fee is None for request in requests):
        return None
    try:
        return ask()
    except FeesTooHigh:
        return None


def quote_above_limit(request: SwapRequest, quote: Quote, offers: Offers | None, engine: Engine) -> FeesTooHigh | None:
    """The same for the route of a quote, before there is a transaction of its wallet to judge."""
    if request.max_network_fee is None:
        return None
    return above_limit(engine.cost_of(request, quote, offers), request.max_network_fee, engine.chain.native)


def too_costly(
    offers: Sequence[tuple[Signable | SignedTransaction, Fees, int | None]], engine: Engine
) -> list[DexError | None]:
    """For each transaction, its fees and what is left for it: why it waits. By all that it could cost, without I/O."""
    found: list[DexError | None] = []
    for item, fees, left in offers:
        if left is None:
            found.append(None)
            continue
        try:
            (most,) = engine.most_costs([(item, fees)])
        except DexError as error:
            found.append(error)
        else:
            found.append(above_limit(most, left, engine.chain.native))
    return found
