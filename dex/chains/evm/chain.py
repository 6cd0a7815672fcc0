"""An EVM chain behind the `Chain` interface: routes become one transaction of the router, receipts become fills."""

import logging
from collections.abc import Callable, Sequence

from dex.chains.base import Contradiction, Timing
from dex.chains.capabilities import (
    BoundsFees,
    ChargesGas,
    CrossChecksNodes,
    DelegatesWallets,
    NeedsAllowances,
    ReplacesTransactions,
    SimulatesSwaps,
)
from dex.chains.evm.answers import Block, NodeReceipt
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.cross_check import NodeQuorum
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.outcomes.broadcasts import broadcast
from dex.chains.evm.outcomes.funds import Funds
from dex.chains.evm.outcomes.receipts import receipt_of
from dex.chains.evm.outcomes.reverts import explain
from dex.chains.evm.outcomes.simulation import EncodedSwap, Simulation
from dex.chains.evm.pools.births import EvmPools
from dex.chains.evm.pools.market import EvmMarket
from dex.chains.evm.signing import Signing
from dex.chains.evm.swaps.wrapping import native_of, native_token, tokens_of, wrapping_pools
from dex.chains.evm.transactions import delegation
from dex.chains.evm.transactions.costs import NetworkCosts
from dex.chains.evm.transactions.delegation import Delegates, Delegation, sign_delegation
from dex.chains.evm.transactions.fees import offers_of
from dex.chains.evm.transactions.transaction import Envelope, chain_name, sign
from dex.chains.evm.wallets.approvals import APPROVAL_GAS, allowed, tried_calls
from dex.chains.evm.wallets.holdings import balances, low_on_gas
from dex.costs import FeeStrategy
from dex.errors import BroadcastRejected, ChainUnavailable, DexError
from dex.signers import NO_CODE, Signer
from dex.standing import Standing
from dex.types import (
    NEVER,
    CancellationIntent,
    Fees,
    Intent,
    PreparedSwap,
    Receipt,
    Signable,
    SignedTransaction,
    SwapIntent,
    Token,
    WalletCall,
)

logger = logging.getLogger(__name__)


class EvmChain(
    EvmPools,
    SimulatesSwaps,
    ReplacesTransactions,
    ChargesGas,
    BoundsFees,
    NeedsAllowances,
    DelegatesWallets,
    CrossChecksNodes,
):
    """Safe to share between threads. Answers of nodes may be late; what it returns is never older than before.

    `fund` is called with a wallet before its first nonce is told: how a development chain fills new ones.
    """

    def __init__(self, options: EvmOptions, signer: Signer, fund: Callable[[str], None] | None = None) -> None:
        self._options = options
        self._signer = signer
        self._fund = fund
        self._rpc = Rpc(
            options.urls, options.deployment.chain_id, options.timeout_s, options.max_batch, options.deadline_s
        )
        self._native = native_of(options)
        self._costs = NetworkCosts(options)
        self._market = EvmMarket(self._rpc, options, self._costs, wrapping_pools(options))
        self._signing = Signing(options, self._market, signer)
        self._final_seen = 0
        self._quorum = NodeQuorum(self._rpc, self._ends(), self._last_final, self._costs.data_fees.is_beside_gas)
        self._delegates = Delegates(self._rpc, options.batch_account)
        self._funds = Funds(self._native.symbol, self._costs.data_fees)
        self._simulation = Simulation(self._rpc, self._market, self._delegates, self._funds)

    @property
    def chain_id(self) -> str:
        """See `Chain`."""
        return chain_name(self._options.deployment.chain_id)

    @property
    def timing(self) -> Timing:
        """See `Chain`."""
        return Timing(self._options.block_s, self._options.deadline_s, self._options.confirmations)

    @property
    def native(self) -> Token:
        """See `Chain`."""
        return native_token(self._options)

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        return tokens_of(self._options)

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return self._signer.address_of(owner)

    def hold_wallet(self, owner: str, wallet: str) -> None:
        """See `Chain`."""
        self._signer.hold(owner, wallet)

    def next_nonce(self, wallet: str) -> int:
        """See `Chain`."""
        if self._fund is not None:
            self._fund(wallet)
        (count,) = self._rpc.results([_count(wallet, "latest")])
        return int(count)

    def balances(self, wallet: str) -> dict[str, int]:
        """See `Chain`."""
        return balances(self._rpc, self._options.tokens, self._native.symbol, wallet)

    def low_on_gas(self, wallets: Sequence[str]) -> dict[str, str]:
        """See `ChargesGas`."""
        return low_on_gas(self._rpc, self._options.min_native, self._native.symbol, wallets)

    def allowances(self, wallet: str) -> dict[str, int]:
        """See `NeedsAllowances`."""
        return allowed(self._rpc, self._options, wallet)

    def approval_calls(self, wallet: str, token: str, amount: int) -> list[WalletCall]:
        """See `NeedsAllowances`."""
        address = next((item.address for item in self._options.tokens if item.symbol == token), None)
        if address is None:
            raise BroadcastRejected(f"there is no token {token} to approve on this chain")
        return tried_calls(self._rpc, self._options, wallet, address, amount)

    def approve(
        self, wallet: str, nonce: int, calls: Sequence[WalletCall], fees: Fees
    ) -> list[SignedTransaction] | DexError:
        """See `NeedsAllowances`."""
        deployment, gas = self._options.deployment, APPROVAL_GAS + self._options.deployment.extra_gas
        try:
            capped = self._signing.capped(fees)
            envelopes = [
                Envelope(deployment.chain_id, nonce + number, capped, gas, to, 0, data)
                for number, (to, data) in enumerate(calls)
            ]
            return [sign(envelope, wallet, NEVER, self.chain_id, self._signer) for envelope in envelopes]
        except DexError as error:
            return error

    @property
    def batch_venues(self) -> frozenset[str]:
        """See `DelegatesWallets`: pairs of forks go through routers of their own."""
        return frozenset(fork.venue for fork in self._options.deployment.forks)

    def acting_in_batches(self, wallets: Sequence[str]) -> frozenset[str]:
        """See `DelegatesWallets`."""
        return self._delegates.acting(wallets)

    def delegate(self, wallet: str, nonce: int, is_on: bool, fees: Fees) -> list[SignedTransaction] | DexError:
        """See `DelegatesWallets`.

        The authorization consumes the second nonce; should it not, a cancellation transaction does.
        """
        deployment = self._options.deployment
        if not deployment.batch_account:
            return BroadcastRejected("this chain names no batch_account that wallets could delegate to")
        if is_on and not self._options.batch_account:
            return BroadcastRejected("with universal_router, swaps go through that contract alone, never in batches")
        code = deployment.batch_account if is_on else NO_CODE
        try:
            capped, gas = self._signing.capped(fees), delegation.GAS + deployment.extra_gas
            wanted = Delegation(deployment.chain_id, nonce, capped, gas, wallet, code)
            spare = self._signing.envelope(CancellationIntent(wallet, nonce + 1, fees))
            return [
                sign_delegation(wanted, self.chain_id, self._signer),
                sign(spare, wallet, NEVER, self.chain_id, self._signer),
            ]
        except DexError as error:
            return error

    def prepare(self) -> dict[FeeStrategy, Fees]:
        """See `Chain`."""
        self._market.discovered()
        return offers_of(self._costs.read(self._rpc, (), self._costs.history), self._options)

    def simulate(self, intents: Sequence[SwapIntent]) -> list[PreparedSwap | DexError]:
        """See `SimulatesSwaps`: all of them in one request, each on the newest block."""
        encoded = [self._signing.encoded(intent) for intent in intents]
        answers = iter(self._simulation.run([item for item in encoded if isinstance(item, EncodedSwap)]))
        return [next(answers) if isinstance(item, EncodedSwap) else item for item in encoded]

    def sign(self, items: Sequence[Signable]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._signing.sign(item) for item in items]

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """See `Chain`: all of the limit of gas, at the most per gas, and what a rollup takes for the bytes now."""
        return [self._funds.most(*self._signing.gas_and_bytes(item), fees) for item, fees in offers]

    def most_paid(self, transactions: Sequence[SignedTransaction]) -> list[int]:
        """See `BoundsFees`."""
        return [self._funds.most_paid(*self._signing.gas_and_bytes(signed), signed.fees) for signed in transactions]

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """See `Chain`."""
        return [self._signing.complaint(intent) for intent in intents]

    def reprice(self, replacements: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """See `ReplacesTransactions`."""
        return [self._signing.reprice(signed, fees) for signed, fees in replacements]

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        return broadcast(self._rpc, transactions)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        if not tx_hashes:
            return []
        found = self._receipts(list(dict.fromkeys(tx_hashes)))
        return [found[tx_hash] for tx_hash in tx_hashes]

    def _receipts(self, tx_hashes: Sequence[str]) -> dict[str, Receipt | None]:
        """The receipt of each hash, of which none comes twice."""
        self._market.discovered()
        # The height comes first: blocks made meanwhile can only make the count of confirmations too small.
        calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in tx_hashes]
        node, (head, final, *raws) = self._rpc.results_from([*self._ends(), *calls])
        if head is None:
            raise ChainUnavailable(f"{node} has no newest block")
        last_final = self._last_final(head, final)
        raws, agreed = self._quorum.at_receipts(node, last_final, dict(zip(tx_hashes, raws, strict=True)))
        found = [
            self._receipt(raw, head, last_final, is_believed=tx_hash in agreed) if raw else None
            for tx_hash, raw in zip(tx_hashes, raws, strict=True)
        ]
        undone = [(one, raw) for one, raw in zip(found, raws, strict=True) if one and raw and not one.is_success]
        words = {receipt.tx_hash: receipt for receipt in explain(self._rpc, undone)}
        self._final_seen = max([self._final_seen, *(r.block_number for r in found if r is not None and r.is_final)])
        said = (words.get(receipt.tx_hash, receipt) if receipt else None for receipt in found)
        return dict(zip(tx_hashes, said, strict=True))

    def standing(self, wallets: Sequence[str]) -> Standing:
        """See `Chain`."""
        head, number = self._quorum.at_heights()
        if number < self._final_seen:
            raise ChainUnavailable("the node lags behind what another one has said")
        calls = [_count(wallet, hex(block)) for block in (head, number) for wallet in wallets]
        final_time, nonces = self._quorum.at_standing(number, calls)
        return Standing(
            number,
            final_time,
            dict(zip(wallets, nonces[: len(wallets)], strict=True)),
            dict(zip(wallets, nonces[len(wallets) :], strict=True)),
        )

    def are_absent(self, tx_hashes: Sequence[str], block: int) -> list[bool]:
        """See `CrossChecksNodes`."""
        return self._quorum.confirm_absence(tx_hashes, block)

    def contradictions(self) -> list[Contradiction]:
        """See `CrossChecksNodes`."""
        return self._quorum.take_contradictions()

    def _ends(self) -> list[Call]:
        """Asks for the newest block, and for the newest that the chain itself calls final."""
        tag = "finalized" if self._options.has_finality_tag else "latest"
        return [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", [tag, False])]

    def _last_final(self, head: Block, final: Block | None) -> int:
        by_depth = head.number - self._options.confirmations + 1
        if not self._options.has_finality_tag:
            return by_depth
        return min(by_depth, final.number if final else 0)

    def _receipt(self, raw: NodeReceipt, head: Block, last_final: int, *, is_believed: bool) -> Receipt | None:
        """None where its events cannot be read: no order ends by such a receipt, and none is held up by another's."""
        confirmations = max(0, head.number - raw.block_number) + 1
        is_final = is_believed and raw.block_number <= last_final
        stated = raw._replace(data_fee=self._costs.data_fees.counted(raw.data_fee))
        try:
            return receipt_of(stated, self._market.facts, self._native, confirmations, is_final)
        except BadAnswer as error:
            logger.error("the receipt of %s is not believed: %s", raw.tx_hash, self._rpc.doubted(error).detail)
            return None


def _count(wallet: str, tag: str) -> Call:
    return ("eth_getTransactionCount", [wallet, tag])
