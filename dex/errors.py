"""Every error the domain raises, in three families; the class alone decides what the caller may do next.

`RetryableError`: nothing happened, do it again. `TerminalError`: it never will. `UnknownOutcome`: it may
have happened, so record and reconcile, never repeat blindly. Codes are stable and public: docs/errors.md.
"""

from fractions import Fraction
from typing import ClassVar


class DexError(Exception):
    """Root of the domain's errors.

    `detail` says what happened in words for the order's owner, `hint` what to do next (may be empty),
    `facts` are JSON-ready values for programs.
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.facts = facts


class RetryableError(DexError):
    """Nothing has happened: the same request may be sent again. `waiting_for` is what it takes until then."""

    code = "network"
    waiting_for: ClassVar[str] = "chain"


class TerminalError(DexError):
    """The request can never succeed as it stands."""

    code = "rejected"


class UnknownOutcome(DexError):
    """The request may have taken effect: look it up before anything else."""

    code = "unknown_outcome"


class ChainUnavailable(RetryableError):
    """The chain could not be reached; nothing left this machine."""

    code = "network"


class FeesTooHigh(RetryableError):
    """The network asks more for a transaction than the chain's settings allow: fees fall again."""

    code = "fees_too_high"
    waiting_for = "fees"


class FundsInUse(RetryableError):
    """Other transactions of the wallet, which are on their way, may take what this one would need."""

    code = "insufficient_funds"
    waiting_for = "funds"


class BroadcastTimeout(UnknownOutcome):
    """The bytes were sent and no answer came back."""

    code = "timeout"


class NonceTaken(UnknownOutcome):
    """A transaction with this nonce is in a block already, maybe one of ours: receipts tell."""

    code = "nonce_taken"


class Underpriced(UnknownOutcome):
    """Another transaction waits at this nonce with fees as high: one of the two will be included, receipts tell."""

    code = "underpriced"


class ReorgPastFinality(UnknownOutcome):
    """The chain took back a block that counted as final: an incident, which no code repairs by itself."""

    code = "reorg_past_finality"


class BroadcastRejected(TerminalError):
    """The chain refuses these bytes for good (bad signature, wrong chain)."""

    code = "rejected"


class SigningRefused(TerminalError):
    """The signer's own policy forbids these bytes, or it has no key for the wallet."""

    code = "signing_refused"


class NoRoute(TerminalError):
    """No chain of pools joins the two tokens under the request's venue and hop limits."""

    code = "no_route"


class InsufficientLiquidity(TerminalError):
    """The pools on every route are too shallow for the amount."""

    code = "insufficient_liquidity"


class AmountTooSmall(InsufficientLiquidity):
    """The amount is so small that rounding leaves nothing to pay out; the programs refuse such swaps."""

    code = "amount_too_small"


class PriceImpactExceeded(TerminalError):
    """The order itself would move the price beyond its guard."""

    code = "price_impact"


class LimitNotMet(TerminalError):
    """The best route pays less than `min_amount_out` or costs more than `max_amount_in`."""

    code = "slippage"


class LimitPriceNotReached(TerminalError):
    """The market trades the amount, or any part of it where that is allowed, only at worse prices than the limit.

    `worth_routing_from` is the marginal price (`dex.prices`) from which on another try is worth its effort, in atoms of
    token_out per atom of token_in: see docs/routing.md for what it takes for granted. 0: at any price.
    """

    code = "limit_price"

    def __init__(
        self, detail: str, *, worth_routing_from: Fraction = Fraction(), hint: str = "", **facts: object
    ) -> None:
        super().__init__(detail, hint=hint, **facts)
        self.worth_routing_from = worth_routing_from


class PriceDeviation(TerminalError):
    """The quoted price is worse than the request's reference price by more than it allows."""

    code = "price_deviation"


class InsufficientFunds(TerminalError):
    """The wallet does not hold what the order gives."""

    code = "insufficient_funds"
