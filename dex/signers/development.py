"""The signer of the simulated chain while developing: its keys follow from public values, so they guard nothing."""

import hashlib
import hmac
from functools import lru_cache

from dex.signers.policy import SigningPolicy
from dex.signers.summary import SummarizePayload


class DevSigner:
    """Anybody can make its signatures. Start-up refuses it outside development (orders/checks.py)."""

    def __init__(self, chain_id: str, summarize: SummarizePayload, policy: SigningPolicy) -> None:
        self._chain_id = chain_id
        self._summarize = summarize
        self._policy = policy

    def address_of(self, owner: str) -> str:
        """See `Signer`."""
        return "0x" + hashlib.sha256(f"{self._chain_id}/{owner}".encode()).hexdigest()[:40]

    def hold(self, owner: str, wallet: str) -> None:
        """See `Signer`: everybody has every key."""

    def judge(self, wallet: str, payload: bytes) -> None:
        """See `Signer`."""
        self._policy.check(wallet, self._summarize(payload))

    def sign(self, wallet: str, payload: bytes) -> bytes:
        """See `Signer`: a tag of 32 bytes."""
        self.judge(wallet, payload)
        return hmac.digest(development_key(self._chain_id, wallet), payload, "sha256")


@lru_cache(maxsize=4096)
def development_key(chain_id: str, wallet: str) -> bytes:
    """The key of a wallet, which everybody can compute: a tag tells corrupted bytes, not forged ones."""
    return hashlib.sha256(f"{chain_id}/key/{wallet}".encode()).digest()
