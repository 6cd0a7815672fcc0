"""What a signer agrees to sign, for every caller: the last line of defence, beside the key itself.

Read it from `SigningPolicy.check` down. Every kind of transaction has one function that names all its rules, in the
order in which they are checked. A function gives the reason of the first rule that is broken, and None only at its end.
A kind without a function is refused.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from dex.errors import SigningRefused
from dex.signers.summary import (
    NO_CODE,
    ApprovalSummary,
    AuthorizationSummary,
    CancellationSummary,
    DelegationSummary,
    SwapSummary,
    TransactionSummary,
)

# Far above an order's own deadline, so that clocks that differ by minutes do not matter.
MAX_DEADLINE_S = 3600
# How far away the end of an approval may be that has one.
MAX_APPROVAL_S = 31 * 86_400
# From here on an approval counts as one without a limit.
UNLIMITED = 2**127

Refusal = str


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """Limits of one signer. A set or mapping allows what it names and nothing else: an empty one allows nothing.

    None, and only None, is "no limit", and only these two limits may be None:

    - `max_amounts`: the most atoms that one swap may give, or one approval allow, by token symbol. Of a token that is
      not named that is 0.
    - `max_fee`: the most atoms of the chain's own token that one transaction may cost.

    `chain_ids` are the chains, `routers` the contracts that may be called for a swap or may take tokens by an approval,
    `delegates` the contracts whose code a wallet may run; running none again is always allowed. `max_deadline_s` is how
    many seconds from now a swap may still happen.
    """

    chain_ids: frozenset[str]
    routers: frozenset[str]
    max_amounts: Mapping[str, int] | None = None
    max_fee: int | None = None
    max_deadline_s: int = MAX_DEADLINE_S
    delegates: frozenset[str] = frozenset()

    def check(self, wallet: str, summary: TransactionSummary) -> None:
        """Whether `wallet` may sign the transaction. Raises: SigningRefused with the first rule that is broken."""
        refusal = self._refusal(wallet, summary)
        if refusal is not None:
            raise SigningRefused(f"the signer refuses: {refusal}")

    def _refusal(self, wallet: str, summary: object) -> Refusal | None:
        match summary:
            case SwapSummary():
                return self._refuse_swap(wallet, summary)
            case CancellationSummary():
                return self._refuse_cancellation(wallet, summary)
            case ApprovalSummary():
                return self._refuse_approval(summary)
            case DelegationSummary():
                return self._refuse_delegation(wallet, summary)
            case AuthorizationSummary():
                return self._refuse_authorization(summary)
            case _:
                return f"{type(summary).__name__} is no kind of transaction that it knows"

    def _refuse_swap(self, wallet: str, swap: SwapSummary) -> Refusal | None:
        """A known chain, router and fee; from this wallet to this wallet; not too much and not too late."""
        if swap.chain_id not in self.chain_ids:
            return _chain_refused(swap.chain_id)
        if swap.wallet != wallet:
            return "the bytes are of another wallet"
        if self._is_too_dear(swap.max_fee):
            return _fee_refused(swap.max_fee)
        if not swap.routers or swap.routers - self.routers:
            return _router_refused(swap.routers - self.routers)
        if swap.recipient != wallet:
            return "the proceeds would not go to the wallet itself"
        if (most := self._most(swap.token)) is not None and swap.amount > most:
            return _amount_refused(swap.amount, swap.token, most)
        if not 0 < swap.deadline <= time.time() + self.max_deadline_s:
            return f"the deadline is missing or more than {self.max_deadline_s} s away"
        return None

    def _refuse_cancellation(self, wallet: str, cancellation: CancellationSummary) -> Refusal | None:
        """A known chain and fee, from this wallet."""
        if cancellation.chain_id not in self.chain_ids:
            return _chain_refused(cancellation.chain_id)
        if cancellation.wallet != wallet:
            return "the bytes are of another wallet"
        if self._is_too_dear(cancellation.max_fee):
            return _fee_refused(cancellation.max_fee)
        return None

    def _refuse_approval(self, approval: ApprovalSummary) -> Refusal | None:
        """A known chain, fee and spender; not too much, and never without limit; not too long where it has an end."""
        if approval.chain_id not in self.chain_ids:
            return _chain_refused(approval.chain_id)
        if self._is_too_dear(approval.max_fee):
            return _fee_refused(approval.max_fee)
        if approval.spender not in self.routers:
            return _router_refused(frozenset({approval.spender}))
        if (most := self._most(approval.token)) is not None and approval.amount > most:
            return _amount_refused(approval.amount, approval.token, most)
        if approval.amount >= UNLIMITED:
            return "the approval has no limit"
        if approval.expires_at is not None and approval.expires_at > time.time() + MAX_APPROVAL_S:
            return f"the approval is for more than {MAX_APPROVAL_S} s"
        return None

    def _refuse_delegation(self, wallet: str, delegation: DelegationSummary) -> Refusal | None:
        """A known chain and fee, from this wallet, to code that it may run."""
        if delegation.chain_id not in self.chain_ids:
            return _chain_refused(delegation.chain_id)
        if delegation.wallet != wallet:
            return "the bytes are of another wallet"
        if self._is_too_dear(delegation.max_fee):
            return _fee_refused(delegation.max_fee)
        if delegation.delegate not in self.delegates | {NO_CODE}:
            return _delegate_refused(delegation.delegate)
        return None

    def _refuse_authorization(self, authorization: AuthorizationSummary) -> Refusal | None:
        """A known chain, and code that the wallet may run."""
        if authorization.chain_id not in self.chain_ids:
            return _chain_refused(authorization.chain_id)
        if authorization.delegate not in self.delegates | {NO_CODE}:
            return _delegate_refused(authorization.delegate)
        return None

    def _is_too_dear(self, fee: int) -> bool:
        return self.max_fee is not None and fee > self.max_fee

    def _most(self, token: str) -> int | None:
        """The most atoms of a token; None where amounts have no limit."""
        return None if self.max_amounts is None else self.max_amounts.get(token, 0)


def _chain_refused(chain_id: str) -> Refusal:
    return f"chain {chain_id} is not allowed"


def _fee_refused(fee: int) -> Refusal:
    return f"the fee {fee} is above the most"


def _router_refused(routers: frozenset[str]) -> Refusal:
    return f"router {', '.join(sorted(routers))} is not allowed" if routers else "it calls no router"


def _amount_refused(amount: int, token: str, most: int) -> Refusal:
    return f"{amount} atoms of {token} are above the most, {most}"


def _delegate_refused(delegate: str) -> Refusal:
    return f"code of {delegate} is not allowed for wallets"
