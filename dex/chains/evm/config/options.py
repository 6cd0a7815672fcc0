"""What an EVM chain can be told: its nodes, its tokens, when a block is final, and the most it may cost."""

from dataclasses import dataclass

from dex.chains.evm.config.deployments import Deployment
from dex.chains.evm.transactions.permit2 import PERMIT2

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
    time between blocks. Pools are discovered each `discovery_s`. A wallet with less than `min_native` atoms of the
    chain's own token signs nothing new; 0: it may spend its last.
    A node is waited for `timeout_s` in one request, and all questions and all nodes together for `deadline_s` in one
    piece of work. A request holds `max_batch` calls at most.
    With `universal_router`, swaps go through that contract, in place of the deployment's, and take tokens through
    Permit2, whose allowances expire after `allowance_ttl_s`.
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
    deadline_s: float = 12.0
    max_batch: int = 500
    max_fee: int = 200 * GWEI
    min_priority_fee: int = 1_000_000
    max_priority_fee: int = 5 * GWEI
    cancellation_gas: int = 21_000
    min_native: int = 5 * 10**15
    universal_router: str = ""
    allowance_ttl_s: int = 7 * 86_400

    def __post_init__(self) -> None:
        object.__setattr__(self, "universal_router", self.universal_router.lower())

    @property
    def router(self) -> str:
        """What swaps call, except for those that a wallet makes in a batch."""
        return self.universal_router or self.deployment.router

    @property
    def batch_account(self) -> str:
        """Whose code wallets act in batches by, empty where none does.

        With `universal_router` none does: a batch takes tokens through the deployment's router, which has no allowance.
        """
        return "" if self.universal_router else self.deployment.batch_account

    @property
    def spenders(self) -> frozenset[str]:
        """Contracts that the signer may call for a swap or approve; the deployment's routers for replacements."""
        more = {self.universal_router, PERMIT2} if self.universal_router else set()
        return self.deployment.routers | more

    @property
    def cancellation_limit(self) -> int:
        """The limit of gas of a cancellation transaction: it calls the code of a wallet that runs a contract's."""
        return self.cancellation_gas + (CALLED_GAS if self.deployment.batch_account else 0) + self.deployment.extra_gas
