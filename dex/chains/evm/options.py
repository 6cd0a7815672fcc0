"""What an EVM chain can be told: its nodes, its tokens, when a block is final, and the most it may cost."""

from dataclasses import dataclass

from dex.chains.evm.deployments import Deployment

GWEI = 10**9
# Measured: 46.
CALLED_GAS = 20_000


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token that may be traded. `address` is in lower case."""

    symbol: str
    name: str
    decimals: int
    address: str
    value: int | None = None


@dataclass(frozen=True, slots=True)
class EvmOptions:
    """Times in seconds, fees in wei per gas.

    A block is final under `confirmations` blocks, itself counted; with `has_finality_tag` only once the chain itself
    calls it finalized. A snapshot younger than `snapshot_s` is used again without asking anybody. `block_s` is the
    time between blocks. Pools are looked for anew each `discovery_s`. A wallet with less than `min_native` atoms of the
    chain's own token signs nothing new; 0: it may spend its last.
    """

    deployment: Deployment
    urls: tuple[str, ...]
    tokens: tuple[ListedToken, ...]
    confirmations: int = 3
    has_finality_tag: bool = False
    block_s: float = 12.0
    snapshot_s: float = 0.5
    discovery_s: float = 600.0
    timeout_s: float = 5.0
    max_batch: int = 500
    max_fee: int = 200 * GWEI
    min_priority_fee: int = 1_000_000
    max_priority_fee: int = 5 * GWEI
    noop_gas: int = 21_000
    min_native: int = 5 * 10**15

    @property
    def bare_gas(self) -> int:
        """What a transaction may use that does nothing: a wallet that runs a contract's code is called by it."""
        return self.noop_gas + (CALLED_GAS if self.deployment.batch_account else 0) + self.deployment.extra_gas
