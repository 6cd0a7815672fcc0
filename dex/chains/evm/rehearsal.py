"""Tries swaps out on the newest block before anything is signed, and says why one would be undone."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dex.chains.base import Snapshot
from dex.chains.evm.delegation import Delegates, code_calls
from dex.chains.evm.failures import reason_of
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.gas import MOST
from dex.chains.evm.market import EvmMarket
from dex.chains.evm.plan import goes_leg_by_leg
from dex.chains.evm.replies import Call
from dex.chains.evm.reverts import message_of
from dex.chains.evm.rpc import Rpc
from dex.chains.evm.rpc_errors import RpcError
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
from dex.legs import legs_of
from dex.types import Side, SwapIntent

HINTS = {"insufficient_funds": "Fund the wallet, or let the router take more of the token: see docs/chains.md"}
CONTRADICTED = "a token on the way takes a fee of its own, or changes its balances"
SMALLER = "Order less at once, or allow fewer legs or hops: that route fills a pool to its end"
NOT_DELEGATED = "the wallet does not act in batches any more, which this route needs"
PRICE_MOVED = "the market was not as it was seen: it has been read again"
# The market is not read whole more often than that for what a trial says.
REREAD_S = 10.0
# Above what a node estimates, for a price that moves on before the block.
GAS_MARGIN_PERCENT = 130


@dataclass(frozen=True, slots=True)
class Trial:
    """A swap with the call that it would make: of the chain's router, or of the wallet itself for a batch."""

    intent: SwapIntent
    to: str
    data: bytes
    value: int
    gas: int

    def is_batch_of(self, wallets: Collection[str]) -> bool:
        """Whether it is a batch, of one of these wallets."""
        return self.to == self.intent.wallet and self.to in wallets

    def call(self, block: int | None = None) -> Call:
        """As the node executes it, without a signature; after the newest block unless another is named."""
        tag = "latest" if block is None else hex(block)
        return ("eth_call", [self._fields() | {"gas": hex(self.gas)}, tag])

    def estimate(self) -> Call:
        """Asks how much gas it takes."""
        return ("eth_estimateGas", [self._fields(), "latest"])

    def _fields(self) -> dict[str, Any]:
        value, data = hex(self.value), "0x" + self.data.hex()
        return {"from": self.intent.wallet, "to": self.to, "data": data, "value": value}


def estimated(rpc: Rpc, trials: Sequence[Trial], answers: Sequence[object]) -> tuple[list[Trial], list[object]]:
    """Trials and answers once more: where the limit itself may have undone a swap, the node's estimate takes its place.

    Raises: ChainUnavailable.
    """
    short = [number for number, answer in enumerate(answers) if _may_lack_gas(answer)]
    found, said = list(trials), list(answers)
    if short:
        for number, answer in zip(short, rpc.read([trials[number].estimate() for number in short]), strict=True):
            gas = 0 if isinstance(answer, RpcError) else answer * GAS_MARGIN_PERCENT // 100
            if trials[number].gas < gas <= MOST:
                found[number], said[number] = replace(trials[number], gas=gas), answer
    return found, said


def _may_lack_gas(answer: object) -> bool:
    """Out of gas in so many words, or somewhere inside: then contracts undo it without a reason."""
    return isinstance(answer, RpcError) and (answer.is_out_of_gas or (answer.is_revert and not answer.data))


class Rehearsal:
    """Tries the swaps of one chain out, and judges the answers by its market."""

    def __init__(self, rpc: Rpc, market: EvmMarket, delegates: Delegates) -> None:
        self._rpc = rpc
        self._market = market
        self._delegates = delegates
        self._reread_at = float("-inf")

    def answers(self, trials: Sequence[Trial]) -> tuple[list[Trial], list[object]]:
        """Each trial with the limit of gas that it needs, and what the newest block says to it.

        One request, in which it is also asked whose code the wallets run: a batch of one that cannot act in batches
        succeeds, and does nothing. Raises: ChainUnavailable.
        """
        if not trials:
            return [], []
        wallets = sorted({trial.to for trial in trials if trial.to == trial.intent.wallet})
        calls = [*code_calls(wallets), *(trial.call() for trial in trials)]
        answers = self._rpc.read_taken(calls, _tried)
        bare = set(wallets) - self._delegates.noted(wallets, answers[: len(wallets)])
        said = answers[len(wallets) :]
        found, said = estimated(self._rpc, trials, said)
        return found, [
            LimitNotMet(NOT_DELEGATED) if trial.is_batch_of(bare) else answer
            for trial, answer in zip(found, said, strict=True)
        ]

    def judged(self, trials: Sequence[Trial], answers: Sequence[object]) -> list[DexError | None]:
        """What each answer means; None where the swap would go through. Raises: ChainUnavailable."""
        if not any(isinstance(answer, RpcError | DexError) for answer in answers):
            return [None] * len(trials)
        self._market.expire()  # what the answers are judged by must not be older than they are
        found = judge(trials, answers, self._market.snapshot)
        doubted = [number for number, error in enumerate(found) if is_contradicted(error)]
        if not doubted or time.monotonic() - self._reread_at < REREAD_S:
            return found
        # Either a token takes a fee, or the market is not what the contracts hold: they are read again.
        self._reread_at = time.monotonic()
        self._market.expire(is_reread=True)
        snapshot = self._market.snapshot()
        again = [trials[number] for number in doubted]
        said = self._rpc.read_taken([trial.call(snapshot.version) for trial in again], _tried)
        for number, error in zip(doubted, judge(again, said, lambda: snapshot), strict=True):
            found[number] = LimitNotMet(PRICE_MOVED) if error is None else error
        return found


def _tried(answers: list[Any]) -> list[Any]:
    """Raises: BadAnswer where the node tried none of them, so that another one is asked."""
    refusals = [answer for answer in answers if isinstance(answer, RpcError) and not answer.is_judgement]
    if len(refusals) == len(answers):
        raise BadAnswer(f"a refusal of eth_call: {refusals[0].message}")
    return answers


Market = Callable[[], Snapshot]


def judge(trials: Sequence[Trial], answers: Sequence[object], market: Market) -> list[DexError | None]:
    """What each answer means; None where the swap would go through.

    `market` gives pools that are not older than the answers, and is asked only where they matter.
    Raises: ChainUnavailable.
    """
    return [_judged(trial, answer, market) for trial, answer in zip(trials, answers, strict=True)]


def _judged(trial: Trial, answer: object, market: Market) -> DexError | None:
    if not isinstance(answer, RpcError):
        return answer if isinstance(answer, DexError) else None
    if answer.is_out_of_gas:
        return BroadcastRejected("it takes more gas than a transaction may use here")
    if answer.lacks_money and not answer.data:
        return InsufficientFunds(f"the wallet cannot pay for it: {answer.message}")
    if not answer.is_revert:
        # Nothing is signed that was not tried: that it goes through is not known.
        return ChainUnavailable(f"the node could not try the swap: {answer.message}")
    return _undone(trial, answer, market)


def _undone(trial: Trial, answer: RpcError, market: Market) -> DexError:
    code, detail = reason_of(message_of(answer, trial.data))
    if code == "insufficient_funds":
        return InsufficientFunds(detail, hint=HINTS[code])
    if code == "slippage":
        if _pays_enough(trial.intent, market()):
            return BroadcastRejected(f"{CONTRADICTED}: {detail}")
        return LimitNotMet(detail)
    return _too_much_at_once(trial.intent, market) or BroadcastRejected(detail)


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
