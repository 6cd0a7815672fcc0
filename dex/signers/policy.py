"""What a signer agrees to sign, whoever asks: the last line of defence, beside the key itself."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from dex.errors import SigningRefused
from dex.signers.base import NO_CODE, Facts

# Far above an order's own deadline, so that clocks that differ by minutes do not matter.
MAX_DEADLINE_S = 3600
# Of an approval that ends by itself at all.
MAX_APPROVAL_S = 31 * 86_400
# From here on an approval is taken for one without a limit.
UNLIMITED = 2**127


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """Limits of one signer. Empty `max_amounts` and None mean any; the other sets have no such meaning.

    `delegates` are the contracts whose code a wallet may take on; taking it off again is always allowed.

    `max_amounts` is atoms per token symbol; a token that is not in it, while it is not empty, may not be given at all.
    """

    chain_ids: frozenset[str]
    routers: frozenset[str]
    max_amounts: Mapping[str, int] = field(default_factory=dict)
    max_fee: int | None = None
    max_deadline_s: int = MAX_DEADLINE_S
    delegates: frozenset[str] = frozenset()

    def check(self, wallet: str, facts: Facts) -> None:
        """Raises: SigningRefused with the first rule that is broken."""
        if complaint := self._complaint(wallet, facts):
            raise SigningRefused(f"the signer refuses: {complaint}")

    def _complaint(self, wallet: str, facts: Facts) -> str:
        if facts.is_approval or (facts.is_delegation and not facts.wallet):
            wallet = facts.wallet
        most = self.max_amounts.get(facts.token, 0) if self.max_amounts else None
        always = (
            (facts.chain_id in self.chain_ids, f"chain {facts.chain_id} is not allowed"),
            (facts.wallet == wallet, "the bytes are of another wallet"),
            (self.max_fee is None or facts.fee <= self.max_fee, f"the fee {facts.fee} is above the most"),
        )
        strange = sorted({facts.router, *facts.further_routers} - self.routers)
        of_swaps = (
            (not strange, f"router {', '.join(strange)} is not allowed"),
            (facts.recipient == wallet, "the proceeds would not go to the wallet itself"),
            (most is None or facts.amount <= most, f"{facts.amount} atoms of {facts.token} are above the most, {most}"),
            (
                0 < facts.deadline <= time.time() + self.max_deadline_s,
                f"the deadline is missing or more than {self.max_deadline_s} s away",
            ),
        )
        of_approvals = (
            of_swaps[0],
            of_swaps[2],
            (facts.amount < UNLIMITED, "the approval has no limit"),
            (facts.deadline <= time.time() + MAX_APPROVAL_S, f"the approval is for more than {MAX_APPROVAL_S} s"),
        )
        of_delegations = (
            (facts.router in self.delegates | {NO_CODE}, f"code of {facts.router} is not allowed for wallets"),
        )
        kinds = ((facts.is_noop, ()), (facts.is_approval, of_approvals), (facts.is_delegation, of_delegations))
        rules = (*always, *next((rules for is_it, rules in kinds if is_it), of_swaps))
        return next((words for holds, words in rules if not holds), "")
