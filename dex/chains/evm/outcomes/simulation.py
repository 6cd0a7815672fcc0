"""Simulates swaps on the newest block before anything is signed, and says why one would be undone."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dex.chains.base import Snapshot
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.outcomes.error_table import reason_of
from dex.chains.evm.outcomes.funds import Funds
from dex.chains.evm.outcomes.reverts import message_of
from dex.chains.evm.pools.market import EvmMarket
from dex.chains.evm.swaps.encode import ContractCall
from dex.chains.evm.swaps.gas import MOST
from dex.chains.evm.transactions.delegation import Delegates, code_calls
from dex.errors import (
    AmountTooSmall,
    BroadcastRejected,
    ChainUnavailable,
    DexError,
    InsufficientFunds,
    InsufficientLiquidity,
    LimitNotMet,
)
from dex.execution import sell, swap
from dex.legs import goes_leg_by_leg, legs_of
from dex.types import PreparedSwap, Side, SwapIntent

HINTS = {"insufficient_funds": "Fund the wallet, or let the router take more of the token: see docs/chains.md"}
CONTRADICTED = "a token on the way takes a fee of its own, or changes its balances"
SMALLER = "Order less at once, or allow fewer legs or hops: that route fills a pool to its end"
NOT_DELEGATED = "the wallet does not act in batches any more, which this route needs"
PRICE_MOVED = "the market was not as it was seen: it has been read again"
# The market is not read whole more often than that for what a simulation says.
REREAD_S = 10.0
# Above what a node estimates, for a price that moves on before the block.
GAS_MARGIN_PERCENT = 130


@dataclass(frozen=True, slots=True)
class EncodedSwap:
    """A swap with the call that it would make: of the chain's router, or of the wallet itself for a batch."""

    intent: SwapIntent
    call: ContractCall

    def is_batch_of(self, wallets: Collection[str]) -> bool:
        """Whether it is a batch, of one of these wallets."""
        return self.call.to == self.intent.wallet and self.call.to in wallets

    def eth_call(self, block: int | None = None) -> Call:
        """As the node executes it, without a signature; after the newest block unless another is named."""
        tag = "latest" if block is None else hex(block)
        return ("eth_call", [self._fields() | {"gas": hex(self.call.gas)}, tag])

    def eth_estimate_gas(self) -> Call:
        """Asks how much gas it takes."""
        return ("eth_estimateGas", [self._fields(), "latest"])

    def _fields(self) -> dict[str, Any]:
        value, data = hex(self.call.value), "0x" + self.call.data.hex()
        return {"from": self.intent.wallet, "to": self.call.to, "data": data, "value": value}


def with_enough_gas(
    rpc: Rpc, swaps: Sequence[EncodedSwap], answers: Sequence[object]
) -> tuple[list[EncodedSwap], list[object]]:
    """Swaps and answers: where the limit itself may have undone a swap, the node's estimate takes its place.

    Raises: ChainUnavailable.
    """
    short = [number for number, answer in enumerate(answers) if _may_lack_gas(answer)]
    found, latest = list(swaps), list(answers)
    if short:
        for number, answer in zip(short, rpc.read([swaps[number].eth_estimate_gas() for number in short]), strict=True):
            gas = 0 if isinstance(answer, RpcError) else answer * GAS_MARGIN_PERCENT // 100
            call = swaps[number].call
            if call.gas < gas <= MOST:
                found[number], latest[number] = replace(swaps[number], call=call._replace(gas=gas)), answer
    return found, latest


def _may_lack_gas(answer: object) -> bool:
    """Out of gas as the node says, or somewhere inside: then contracts undo it without a reason."""
    return isinstance(answer, RpcError) and (answer.is_out_of_gas or (answer.is_revert and not answer.data))


class Simulation:
    """Simulates the swaps of one chain, and judges the answers by its market."""

    def __init__(self, rpc: Rpc, market: EvmMarket, delegates: Delegates, funds: Funds) -> None:
        self._rpc = rpc
        self._market = market
        self._delegates = delegates
        self._funds = funds
        self._reread_at = float("-inf")

    def run(self, swaps: Sequence[EncodedSwap]) -> list[PreparedSwap | DexError]:
        """Each swap with the limit of gas that it needs, or why the newest block would undo it.

        Raises: ChainUnavailable.
        """
        if not swaps:
            return []
        limited, answers, held = self._answers(swaps)
        errors = self._errors(limited, answers)
        return [
            error or PreparedSwap(swap.intent, swap.call, held[swap.intent.wallet])
            for swap, error in zip(limited, errors, strict=True)
        ]

    def _answers(self, swaps: Sequence[EncodedSwap]) -> tuple[list[EncodedSwap], list[object], dict[str, int]]:
        """In one request, which also asks what the wallets hold of the chain's own token, and whose code they run.

        A wallet that cannot pay gets that answer; a batch of one that runs no code would do nothing.
        """
        wallets = sorted({swap.intent.wallet for swap in swaps})
        batching = sorted({swap.call.to for swap in swaps if swap.call.to == swap.intent.wallet})
        before = [*_balance_calls(wallets), *code_calls(batching)]
        calls = [*before, *(swap.eth_call() for swap in swaps)]
        answers = self._rpc.read_taken(calls, lambda found: _tried(found, of=len(swaps)))
        held = dict(zip(wallets, _balances(answers[: len(wallets)]), strict=True))
        undelegated = set(batching) - self._delegates.noted(batching, answers[len(wallets) : len(before)])
        found, latest = with_enough_gas(self._rpc, swaps, answers[len(before) :])
        judged = [
            self._funds.shortage(swap.intent, swap.call, held[swap.intent.wallet])
            or (LimitNotMet(NOT_DELEGATED) if swap.is_batch_of(undelegated) else answer)
            for swap, answer in zip(found, latest, strict=True)
        ]
        return found, judged, held

    def _errors(self, swaps: Sequence[EncodedSwap], answers: Sequence[object]) -> list[DexError | None]:
        """What each answer means; None where the swap would go through."""
        if not any(isinstance(answer, RpcError | DexError) for answer in answers):
            return [None] * len(swaps)
        self._market.expire()  # what the answers are judged by must not be older than they are
        found = judge(swaps, answers, self._market.snapshot)
        doubted = [number for number, error in enumerate(found) if is_contradicted(error)]
        if not doubted or time.monotonic() - self._reread_at < REREAD_S:
            return found
        # Either a token takes a fee, or the market is not what the contracts hold: they are read again.
        self._reread_at = time.monotonic()
        self._market.expire(is_reread=True)
        snapshot = self._market.snapshot()
        again = [swaps[number] for number in doubted]
        calls = [swap.eth_call(snapshot.version) for swap in again]
        answers = self._rpc.read_taken(calls, lambda found: _tried(found, of=len(calls)))
        for number, error in zip(doubted, judge(again, answers, lambda: snapshot), strict=True):
            found[number] = LimitNotMet(PRICE_MOVED) if error is None else error
        return found


def _balance_calls(wallets: Sequence[str]) -> list[Call]:
    return [("eth_getBalance", [wallet, "latest"]) for wallet in wallets]


def _balances(answers: Sequence[Any]) -> list[int]:
    """Raises: BadAnswer for a refusal."""
    if not all(isinstance(answer, int) for answer in answers):
        raise BadAnswer("a refusal of eth_getBalance")
    return list(answers)


def _tried(answers: list[Any], of: int) -> list[Any]:
    """The answers, of which the last `of` are to swaps.

    Raises: BadAnswer where the node tried none of these, so that another one is asked.
    """
    of_swaps = answers[len(answers) - of :]
    refusals = [answer for answer in of_swaps if isinstance(answer, RpcError) and not answer.is_judgement]
    if len(refusals) == of:
        raise BadAnswer(f"a refusal of eth_call: {refusals[0].message}")
    return answers


Market = Callable[[], Snapshot]


def judge(swaps: Sequence[EncodedSwap], answers: Sequence[object], market: Market) -> list[DexError | None]:
    """What each answer means; None where the swap would go through.

    `market` gives pools that are not older than the answers, and is asked only where they matter.
    Raises: ChainUnavailable.
    """
    return [_judged(swap, answer, market) for swap, answer in zip(swaps, answers, strict=True)]


def _judged(encoded: EncodedSwap, answer: object, market: Market) -> DexError | None:
    if not isinstance(answer, RpcError):
        return answer if isinstance(answer, DexError) else None
    if answer.is_out_of_gas:
        return BroadcastRejected("it takes more gas than a transaction may use here")
    if answer.lacks_money and not answer.data:
        return InsufficientFunds(f"the wallet cannot pay for it: {answer.message}", hint=HINTS["insufficient_funds"])
    if not answer.is_revert:
        # Nothing is signed that was not simulated: that it goes through is not known.
        return ChainUnavailable(f"the node could not try the swap: {answer.message}")
    return _undone(encoded, answer, market)


def _undone(encoded: EncodedSwap, answer: RpcError, market: Market) -> DexError:
    code, detail = reason_of(message_of(answer, encoded.call.data))
    if code == "insufficient_funds":
        return InsufficientFunds(detail, hint=HINTS[code])
    if code == "slippage":
        if _pays_enough(encoded.intent, market()):
            return BroadcastRejected(f"{CONTRADICTED}: {detail}")
        return LimitNotMet(detail)
    return _too_much_at_once(encoded.intent, market) or BroadcastRejected(detail)


def is_contradicted(error: DexError | None) -> bool:
    """Whether the chain undid what should go through by the pools as they are known here: one of both is wrong."""
    return isinstance(error, BroadcastRejected) and error.detail.startswith(CONTRADICTED)


def _too_much_at_once(intent: SwapIntent, market: Market) -> DexError | None:
    """Why a route that goes leg by leg is undone though the pools could take all of it; None where that is not why.

    The first leg through a pool that several share is paid better than planned, so that it may bring the next pool
    more than that one can take. A V3 pool then looks for liquidity until the gas is used up.
    """
    if not goes_leg_by_leg(intent.route):
        return None
    snapshot = market()
    pools = {pool.pool_id: pool for pool in snapshot.pools}
    try:
        for leg in legs_of(intent.route):
            amount = leg.amount_in
            for hop in leg.hops:
                amount = swap(pools, hop, amount, True, snapshot.time).amount_out
    except AmountTooSmall:
        return None
    except InsufficientLiquidity as error:
        return InsufficientLiquidity(f"in one transaction, leg by leg, {error.detail}", hint=SMALLER)
    except DexError:
        return None
    return None


def _pays_enough(intent: SwapIntent, snapshot: Snapshot) -> bool:
    """Whether by the pools alone the swap would go through now."""
    pools = {pool.pool_id: pool for pool in snapshot.pools}
    try:
        hops = sell(pools, intent.route, snapshot.time)
    except DexError:
        return False
    paid = sum(hop.amount_out for hop in hops if hop.token_out == intent.route.token_out)
    return paid >= (intent.min_amount_out if intent.side is Side.EXACT_IN else intent.route.amount_out)
