"""What a payload to be signed would do, one type for each kind of transaction (clear signing).

A summary is read out of the very bytes that are signed, never stated by the caller. Each chain has a
`summarize_payload` that makes one of these or refuses the bytes. Amounts and fees are atoms, times are unix seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

# A wallet that delegates to this address runs no code. Source: https://eips.ethereum.org/EIPS/eip-7702
NO_CODE = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class SwapSummary:
    """Gives at most `amount` of `token`; what comes out goes to `recipient`.

    `routers` are all contracts that swap in it. After `deadline`, in chain time, nothing happens. `max_fee` is the most
    of the chain's own token that inclusion may cost.
    """

    chain_id: str
    wallet: str
    routers: frozenset[str]
    recipient: str
    token: str
    amount: int
    max_fee: int
    deadline: int


@dataclass(frozen=True, slots=True)
class CancellationSummary:
    """Consumes a nonce and nothing else: no call, no value, no deadline."""

    chain_id: str
    wallet: str
    max_fee: int


@dataclass(frozen=True, slots=True)
class ApprovalSummary:
    """Lets `spender` take up to `amount` of `token` later.

    The bytes name no wallet: it is the one whose signature they get. `expires_at` is None for an approval that the
    token itself keeps (ERC-20), which has no end.
    """

    chain_id: str
    spender: str
    token: str
    amount: int
    max_fee: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class DelegationSummary:
    """Sets the code that the wallet runs to that of `delegate`, or to none where that is `NO_CODE`."""

    chain_id: str
    wallet: str
    delegate: str
    max_fee: int


@dataclass(frozen=True, slots=True)
class AuthorizationSummary:
    """The signed part inside a delegation. Like an approval it names no wallet; it costs no fee of its own."""

    chain_id: str
    delegate: str


TransactionSummary = SwapSummary | CancellationSummary | ApprovalSummary | DelegationSummary | AuthorizationSummary

# Raises: BroadcastRejected for bytes that are none of these.
SummarizePayload = Callable[[bytes], TransactionSummary]
