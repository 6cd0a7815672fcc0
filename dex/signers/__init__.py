"""Keys: a signer judges by its own policy what it signs, and gives nothing away but signatures."""

from dex.signers.base import Signer
from dex.signers.development import DevSigner
from dex.signers.policy import SigningPolicy
from dex.signers.summary import (
    NO_CODE,
    ApprovalSummary,
    AuthorizationSummary,
    CancellationSummary,
    DelegationSummary,
    SummarizePayload,
    SwapSummary,
    TransactionSummary,
)

__all__ = [
    "NO_CODE",
    "ApprovalSummary",
    "AuthorizationSummary",
    "CancellationSummary",
    "DelegationSummary",
    "DevSigner",
    "Signer",
    "SigningPolicy",
    "SummarizePayload",
    "SwapSummary",
    "TransactionSummary",
]
