"""Makes signers from what the operator has set: a chain names what it signs for, the limits are the operator's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dex.signers.base import Signer
from dex.signers.policy import MAX_DEADLINE_S, SigningPolicy
from dex.signers.summary import SummarizePayload

if TYPE_CHECKING:
    from dex.signers.wallets import WalletFolder


@dataclass(frozen=True, slots=True)
class SignerSettings:
    """Which signer, where its files are, and its limits (see `SigningPolicy`). No key is read before it is needed.

    Without `is_keystore` a chain brings its development signer, whose keys are public.
    """

    is_keystore: bool = False
    keystore: Path = Path()
    passphrase_file: Path = Path()
    wallets: Path = Path()
    max_amounts: Mapping[str, int] | None = None
    max_fee: int | None = None
    max_deadline_s: int = MAX_DEADLINE_S

    def policy(self, chain_id: str, routers: frozenset[str], delegate: str = "") -> SigningPolicy:
        """The operator's limits for a chain's routers, and for the one contract that wallets may delegate to."""
        return SigningPolicy(
            chain_ids=frozenset({chain_id}),
            routers=routers,
            max_amounts=self.max_amounts,
            max_fee=self.max_fee,
            max_deadline_s=self.max_deadline_s,
            delegates=frozenset({delegate} if delegate else ()),
        )

    def keystore_signer(self, chain_id: str, summarize: SummarizePayload, policy: SigningPolicy) -> Signer:
        """Signs with the keystore's keys. Its libraries take a second and 40 MB to load, here and not before."""
        from dex.signers.keystore import LocalKeystoreSigner

        files = self.keystore, self.passphrase_file
        return LocalKeystoreSigner(chain_id, *files, summarize, policy, self.wallet_folder())

    def wallet_folder(self) -> "WalletFolder":
        """Where wallets with keys of their own are."""
        from dex.signers.wallets import WalletFolder

        return WalletFolder(self.wallets)
