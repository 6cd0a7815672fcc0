"""Keys: whoever holds one judges by its own policy what it signs, and gives nothing away but signatures."""

from dex.signers.base import NO_CODE, Facts, Reader, Signer
from dex.signers.development import DevSigner
from dex.signers.policy import SigningPolicy

__all__ = ["NO_CODE", "DevSigner", "Facts", "Reader", "Signer", "SigningPolicy"]
