"""A local node with the market on it, and chains of the engine that speak to it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dex.chains.evm.chain import EvmChain
from dex.chains.evm.config.deployments import Deployment
from dex.chains.evm.config.options import EvmOptions, ListedToken
from dex.chains.evm.local.deploy import Deployed, deploy
from dex.chains.evm.local.faucet import Faucet
from dex.chains.evm.local.install import install
from dex.chains.evm.local.node import Anvil, free_port, running
from dex.chains.evm.swaps.effects import payload_summarizer
from dex.chains.evm.transactions.transaction import chain_name
from dex.signers import SigningPolicy
from dex.signers.keystore import OwnKeys
from dex.signers.public_keys import PublicKeySigner


@dataclass(frozen=True, slots=True)
class World:
    """A running node, and what was deployed on it."""

    anvil: Anvil
    folder: Path
    deployed: Deployed

    @property
    def deployment(self) -> Deployment:
        """The contracts that the engine uses."""
        return self.deployed.deployment

    @property
    def tokens(self) -> tuple[ListedToken, ...]:
        """The tokens of the market."""
        return self.deployed.tokens

    def options(self, **changes: Any) -> EvmOptions:
        """How the engine is told of it: every look is a fresh one, and the third block from the top is final."""
        return replace(
            EvmOptions(self.deployment, (self.anvil.url,), self.tokens, block_s=0.0, snapshot_s=0.0), **changes
        )

    def chain(self, **changes: Any) -> EvmChain:
        """A chain of the engine, whose wallets are filled when they are first asked for."""
        options = self.options(**changes)
        return EvmChain(options, development_signer(options), self.faucet().fund)

    def faucet(self) -> Faucet:
        """Fills new wallets."""
        return Faucet(self.anvil, self.deployment, self.tokens)

    def address(self, symbol: str) -> str:
        """A token's contract."""
        return next(token.address for token in self.tokens if token.symbol == symbol)


def development_signer(
    options: EvmOptions, policy: SigningPolicy | None = None, own_keys: OwnKeys | None = None
) -> PublicKeySigner:
    """Keys that everybody can compute, for swaps of any size through the router."""
    name, summarize = chain_name(options.deployment.chain_id), payload_summarizer(options)
    account = options.deployment.batch_account
    swaps = SigningPolicy(frozenset({name}), options.spenders, delegates=frozenset({account} if account else ()))
    return PublicKeySigner(name, summarize, policy or swaps, own_keys)


@contextlib.contextmanager
def local_world(log: Path, port: int = 0, node_options: Sequence[str] = ()) -> Iterator[World]:
    """Start and fill a node; it ends with the block. Raises: LocalChainError."""
    folder = install()
    with running(folder, port or free_port(), log, node_options) as anvil:
        yield World(anvil, folder, deploy(anvil, folder))
