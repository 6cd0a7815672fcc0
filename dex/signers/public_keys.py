"""The signer of a local EVM chain: real signatures by keys that follow from public values, so they guard nothing."""

import hashlib
from pathlib import Path

from dex.signers.keystore import LocalKeystoreSigner, OwnKeys
from dex.signers.policy import SigningPolicy
from dex.signers.summary import SummarizePayload

PUBLIC_SECRET = hashlib.sha256(b"order-execution-engine/development").digest()


class PublicKeySigner(LocalKeystoreSigner):
    """Anybody can make its signatures: for chains on this machine only."""

    def __init__(
        self, chain_id: str, summarize: SummarizePayload, policy: SigningPolicy, own_keys: OwnKeys | None = None
    ) -> None:
        super().__init__(chain_id, Path("public"), Path("public"), summarize, policy, own_keys)

    def _open(self) -> bytes:
        return PUBLIC_SECRET
