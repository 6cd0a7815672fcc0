"""What a node's receipt says of a transaction: the executed amounts, out of the pools' own events."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dex.chains.evm.abi import contracts
from dex.chains.evm.answers import Log, NodeReceipt
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.swaps.wrapping import Native
from dex.types import Hop, Receipt, Route
from dex.venues import WRAPPING

# Pools or tokens that were taken out of the chains file while it was on its way.
NOT_KNOWN = "it went through, but by pools and tokens that this chain does not list"


def receipt_of(
    raw: NodeReceipt, facts: Mapping[str, PoolFacts], native: Native, confirmations: int, is_final: bool
) -> Receipt:
    """The receipt of a transaction that went through; one that was undone has no logs and no reason yet.

    One that went through without a route and without a detail did nothing at all. Raises: BadAnswer.
    """
    is_success = raw.is_success
    route = executed(raw.logs, facts, native) if is_success else None
    return Receipt(
        tx_hash=raw.tx_hash,
        block_number=raw.block_number,
        block_hash=raw.block_hash,
        is_success=is_success,
        code=None if is_success else "reverted",
        detail=NOT_KNOWN if is_success and route is None and raw.logs else "",
        amount_in=route.amount_in if route else 0,
        amount_out=route.amount_out if route else 0,
        route=route,
        confirmations=confirmations,
        is_final=is_final,
        fee_paid=raw.fee_paid,
        is_fee_agreed=raw.is_fee_agreed,
    )


def executed(logs: Sequence[Log], facts: Mapping[str, PoolFacts], native: Native) -> Route | None:
    """The swaps that took place, in their order, as a route; None where there was none.

    Swaps in one pool are one hop. Its ends are the token that is sold and never bought, and the other way round.
    """
    hops: dict[str, Hop] = {}
    for log in logs:
        pool = facts.get(log.address)
        if pool is not None and (hop := _swapped(log, pool)) is not None:
            before = hops.get(log.address)
            hops[log.address] = hop if before is None else _sum(before, hop)
    wrapped, unwrapped_ = _wrapped(logs, native)
    if not hops and not wrapped and not unwrapped_:
        return None
    sold = {hop.token_in for hop in hops.values()} or {native.wrapped_symbol}
    bought = {hop.token_out for hop in hops.values()} or {native.wrapped_symbol}
    ends_in, ends_out = sold - bought or sold, bought - sold or bought
    route = list(hops.values())
    token_in, token_out = min(ends_in), min(ends_out)
    if wrapped and token_in == native.wrapped_symbol:
        # One router wraps all that may be spent, and unwraps what is left of it.
        spent = wrapped if token_out == native.wrapped_symbol else wrapped - unwrapped_
        route.insert(0, _hop(native.wrapped, native.symbol, native.wrapped_symbol, spent))
        token_in = native.symbol
    if unwrapped_ and token_out == native.wrapped_symbol:
        route.append(_hop(native.wrapped, native.wrapped_symbol, native.symbol, unwrapped_))
        token_out = native.symbol
    return Route(token_in, token_out, _ordered(route, token_in))


def _hop(pool_id: str, token_in: str, token_out: str, amount: int) -> Hop:
    return Hop(WRAPPING.name, pool_id, token_in, token_out, amount, amount)


def _wrapped(logs: Sequence[Log], native: Native) -> tuple[int, int]:
    """Native atoms that were wrapped and unwrapped on the way."""
    counted: Counter[str] = Counter()
    for log in logs:
        if log.address == native.wrapped and log.topic in {contracts.DEPOSIT.topic, contracts.WITHDRAWAL.topic}:
            counted[log.topic] += contracts.DEPOSIT.data(log)[0]
    return counted[contracts.DEPOSIT.topic], counted[contracts.WITHDRAWAL.topic]


def _swapped(log: Log, pool: PoolFacts) -> Hop | None:
    topic = log.topic
    if topic == contracts.SWAP_V2.topic:
        in0, in1, out0, out1 = contracts.SWAP_V2.data(log)
        paid0, paid1 = in0 - out0, in1 - out1
    elif topic == contracts.SWAP_V3.topic:
        paid0, paid1, *_ = contracts.SWAP_V3.data(log)
    elif topic == contracts.SWAP_PANCAKE_V3.topic:
        paid0, paid1, *_ = contracts.SWAP_PANCAKE_V3.data(log)
    else:
        return None
    if paid0 > 0 < paid1 or paid0 < 0 > paid1:
        raise BadAnswer(f"a swap in {pool.address} that pays {paid0} and {paid1}")
    first, second = pool.symbols
    if paid0 > 0:
        return Hop(pool.venue, pool.address, first, second, paid0, -paid1)
    return Hop(pool.venue, pool.address, second, first, paid1, -paid0)


def _sum(one: Hop, other: Hop) -> Hop:
    return replace(one, amount_in=one.amount_in + other.amount_in, amount_out=one.amount_out + other.amount_out)


def _ordered(hops: Sequence[Hop], token_in: str) -> tuple[Hop, ...]:
    """So that each token is sold only after everything that buys it; as they came where that cannot be."""
    left, done, settled = list(hops), [], {token_in}
    while left:
        ready = [hop for hop in left if hop.token_in in settled] or left[:1]
        done += ready
        left = [hop for hop in left if hop not in ready]
        settled |= {hop.token_out for hop in done} - {hop.token_out for hop in left}
    return tuple(done)
