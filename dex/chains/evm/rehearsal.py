"""Tries swaps out on the newest block before anything is signed, and says why one would be undone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dex.chains.base import Snapshot
from dex.chains.evm.failures import reason_of
from dex.chains.evm.gas import MOST
from dex.chains.evm.plan import goes_leg_by_leg
from dex.chains.evm.reverts import is_revert, message_of
from dex.chains.evm.rpc import Call, Rpc, RpcError
from dex.errors import (
    AmountTooSmall,
    BroadcastRejected,
    DexError,
    InsufficientFunds,
    InsufficientLiquidity,
    LimitNotMet,
)
from dex.execution import sell, swap
from dex.legs import legs_of
from dex.types import Side, SwapIntent

HINTS = {"insufficient_funds": "Fund the wallet, or let the router take more of the token: see docs/chains.md"}
SMALLER = "Order less at once, or allow fewer legs or hops: that route fills a pool to its end"
# Source: https://github.com/ethereum/go-ethereum/blob/master/core/vm/errors.go (ErrOutOfGas)
OUT_OF_GAS = "out of gas"
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

    def call(self) -> Call:
        """As the node executes it, without a signature."""
        return ("eth_call", [self._fields() | {"gas": hex(self.gas)}, "latest"])

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
            gas = 0 if isinstance(answer, RpcError) else int(answer, 16) * GAS_MARGIN_PERCENT // 100
            if trials[number].gas < gas <= MOST:
                found[number], said[number] = replace(trials[number], gas=gas), answer
    return found, said


def _may_lack_gas(answer: object) -> bool:
    """Out of gas in so many words, or somewhere inside: then contracts undo it without a reason."""
    if not isinstance(answer, RpcError):
        return False
    return OUT_OF_GAS in answer.message.lower() or (is_revert(answer) and answer.data in {"", "0x"})


def judge(trials: Sequence[Trial], answers: Sequence[object], snapshot: Snapshot) -> list[DexError | None]:
    """What each answer means; None where the swap would go through. `snapshot` is not older than the answers."""
    return [_judged(trial, answer, snapshot) for trial, answer in zip(trials, answers, strict=True)]


def _judged(trial: Trial, answer: object, snapshot: Snapshot) -> DexError | None:
    if not isinstance(answer, RpcError):
        return None
    if "insufficient funds" in answer.message.lower():
        return InsufficientFunds(f"the wallet cannot pay for it: {answer.message}")
    if OUT_OF_GAS in answer.message.lower():
        return BroadcastRejected("it takes more gas than a transaction may use here")
    if not is_revert(answer):
        return None  # the node could not try: the chain itself will tell
    code, detail = reason_of(message_of(answer, trial.data))
    if code == "insufficient_funds":
        return InsufficientFunds(detail, hint=HINTS[code])
    if code == "slippage":
        if _pays_enough(trial.intent, snapshot):
            return BroadcastRejected(f"a token on the way takes a fee of its own, or changes its balances: {detail}")
        return LimitNotMet(detail)
    return _too_much_at_once(trial.intent, snapshot) or BroadcastRejected(detail)


def _too_much_at_once(intent: SwapIntent, snapshot: Snapshot) -> DexError | None:
    """Why a route that goes leg by leg is undone though the pools could take all of it; None where that is not why.

    The first leg through a pool that several share is paid better than planned, so that it may bring the next pool
    more than that one can take. A V3 pool then looks for liquidity until the gas is used up.
    """
    if not goes_leg_by_leg(intent.route):
        return None
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
