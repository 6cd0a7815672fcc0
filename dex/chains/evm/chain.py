"""An EVM chain behind the `Chain` interface: routes become one transaction of the router, receipts become fills."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from dex.chains.base import Contradiction, Snapshot
from dex.chains.evm import delegation
from dex.chains.evm.answers import Block, NodeReceipt
from dex.chains.evm.approvals import APPROVAL_GAS, allowed, tried_calls
from dex.chains.evm.broadcasts import broadcast
from dex.chains.evm.delegation import Delegates, Delegation, read_delegation, sign_delegation
from dex.chains.evm.drafts import Draft, draft_of
from dex.chains.evm.facts import deadline_of
from dex.chains.evm.fees import ASK, fees_of
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.holdings import balances, low_on_gas
from dex.chains.evm.market import EvmMarket
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.receipts import receipt_of
from dex.chains.evm.rehearsal import Rehearsal, Trial
from dex.chains.evm.replies import Call
from dex.chains.evm.reverts import explain
from dex.chains.evm.rpc import Rpc
from dex.chains.evm.second_look import SecondLook
from dex.chains.evm.transaction import Envelope, chain_name, read_envelope, sign
from dex.chains.evm.wrapping import native_of, tokens_of, wrapping_pools
from dex.errors import (
    BroadcastRejected,
    ChainUnavailable,
    DexError,
    SigningRefused,
)
from dex.signers import NO_CODE, Signer
from dex.types import (
    NEVER,
    Fees,
    Intent,
    NoopIntent,
    Receipt,
    SignedTransaction,
    Standing,
    SwapIntent,
    Token,
    WalletCall,
)

logger = logging.getLogger(__name__)


class EvmChain:
    """Safe to share between threads. Whatever it hears from nodes may be late, but is never older than what it said.

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
        self._market = EvmMarket(self._rpc, options, wrapping_pools(options))
        self._final_seen = 0
        self._second_look = SecondLook(self._rpc, self._ends(), self._last_final)
        self._drafted: dict[SwapIntent, Draft] = {}
        self._delegates = Delegates(self._rpc, options.batch_account)
        self._rehearsal = Rehearsal(self._rpc, self._market, self._delegates)

    @property
    def chain_id(self) -> str:
        """See `Chain`."""
        return chain_name(self._options.deployment.chain_id)

    @property
    def required_confirmations(self) -> int:
        """See `Chain`."""
        return self._options.confirmations

    def tokens(self) -> tuple[Token, ...]:
        """See `Chain`."""
        return tokens_of(self._options)

    def answers_within_s(self) -> float:
        """See `Chain`."""
        return self._options.deadline_s

    def block_interval_s(self) -> float:
        """See `Chain`."""
        return self._options.block_s

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return self._signer.address_of(owner)

    def hold_wallet(self, owner: str, wallet: str) -> None:
        """See `Chain`."""
        self._signer.hold(owner, wallet)

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return self._market.snapshot()

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
        """See `Chain`."""
        return low_on_gas(self._rpc, self._options.min_native, self._native.symbol, wallets)

    def allowances(self, wallet: str) -> dict[str, int]:
        """See `Chain`."""
        return allowed(self._rpc, self._options, wallet)

    def approval_calls(self, wallet: str, token: str, amount: int) -> list[WalletCall]:
        """See `Chain`."""
        address = next((item.address for item in self._options.tokens if item.symbol == token), None)
        if address is None:
            raise BroadcastRejected(f"there is no token {token} to approve on this chain")
        return tried_calls(self._rpc, self._options, wallet, address, amount)

    def approve(
        self, wallet: str, nonce: int, calls: Sequence[WalletCall], fees: Fees
    ) -> list[SignedTransaction] | DexError:
        """See `Chain`."""
        deployment, gas = self._options.deployment, APPROVAL_GAS + self._options.deployment.extra_gas
        try:
            bid = self._capped(fees)
            envelopes = [
                Envelope(deployment.chain_id, nonce + number, bid, gas, to, 0, data)
                for number, (to, data) in enumerate(calls)
            ]
            return [sign(envelope, wallet, NEVER, self.chain_id, self._signer) for envelope in envelopes]
        except DexError as error:
            return error

    @property
    def batch_venues(self) -> frozenset[str]:
        """See `Chain`: pairs of forks go through routers of their own."""
        return frozenset(fork.venue for fork in self._options.deployment.forks)

    def acting_in_batches(self, wallets: Sequence[str]) -> frozenset[str]:
        """See `Chain`."""
        return self._delegates.acting(wallets)

    def delegate(self, wallet: str, nonce: int, is_on: bool, fees: Fees) -> list[SignedTransaction] | DexError:
        """See `Chain`. The authorization uses up the second nonce; should it not, what does nothing will."""
        deployment = self._options.deployment
        if not deployment.batch_account:
            return BroadcastRejected("this chain names no batch_account that wallets could delegate to")
        if is_on and not self._options.batch_account:
            return BroadcastRejected("with universal_router, swaps go through that contract alone, never in batches")
        code = deployment.batch_account if is_on else NO_CODE
        try:
            capped, gas = self._capped(fees), delegation.GAS + deployment.extra_gas
            wanted = Delegation(deployment.chain_id, nonce, capped, gas, wallet, code)
            spare = self._envelope(NoopIntent(wallet, nonce + 1, fees))
            return [
                sign_delegation(wanted, self.chain_id, self._signer),
                sign(spare, wallet, NEVER, self.chain_id, self._signer),
            ]
        except DexError as error:
            return error

    def prepare(self) -> Fees:
        """See `Chain`."""
        self._market.discovered()
        (history,) = self._rpc.results([ASK])
        return fees_of(history, self._options)

    @property
    def rehearses(self) -> bool:
        """See `Chain`."""
        return True

    def rehearse(self, intents: Sequence[SwapIntent]) -> list[DexError | None]:
        """See `Chain`: all of them in one request, each on the newest block."""
        drafts = [self._trial(intent) for intent in intents]
        trials, answers = self._rehearsal.answers([draft for draft in drafts if isinstance(draft, Trial)])
        # Signed a moment later: the bytes are the same but for nonce and fees. Whole, so that threads do not mix.
        self._drafted = {_apart(trial.intent): Draft(trial.to, trial.data, trial.value, trial.gas) for trial in trials}
        judged = iter(self._rehearsal.judged(trials, answers))
        return [next(judged) if isinstance(draft, Trial) else draft for draft in drafts]

    def sign(self, intents: Sequence[Intent]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._sign(intent) for intent in intents]

    def check(self, intents: Sequence[Intent]) -> list[DexError | None]:
        """See `Chain`."""
        return [self._complaint(intent) for intent in intents]

    def reprice(self, bids: Sequence[tuple[SignedTransaction, Fees]]) -> list[SignedTransaction | DexError]:
        """See `Chain`."""
        return [self._reprice(signed, fees) for signed, fees in bids]

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[DexError | None]:
        """See `Chain`."""
        return broadcast(self._rpc, transactions)

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        if not tx_hashes:
            return []
        self._market.discovered()
        # The height comes first: blocks made meanwhile can only make the count of confirmations too small.
        calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in tx_hashes]
        node, (head, final, *raws) = self._rpc.results_from([*self._ends(), *calls])
        if head is None:
            raise ChainUnavailable(f"{node} has no newest block")
        last_final = self._last_final(head, final)
        raws, agreed = self._second_look.at_receipts(node, last_final, dict(zip(tx_hashes, raws, strict=True)))
        found = [
            self._receipt(raw, head, last_final, is_believed=tx_hash in agreed) if raw else None
            for tx_hash, raw in zip(tx_hashes, raws, strict=True)
        ]
        undone = [(one, raw) for one, raw in zip(found, raws, strict=True) if one and raw and not one.is_success]
        words = {receipt.tx_hash: receipt for receipt in explain(self._rpc, undone)}
        self._final_seen = max([self._final_seen, *(r.block_number for r in found if r is not None and r.is_final)])
        return [words.get(receipt.tx_hash, receipt) if receipt else None for receipt in found]

    def standing(self, wallets: Sequence[str]) -> Standing:
        """See `Chain`."""
        head, number = self._second_look.at_heights()
        if number < self._final_seen:
            raise ChainUnavailable("the node lags behind what another one has said")
        calls = [_count(wallet, hex(block)) for block in (head, number) for wallet in wallets]
        final_time, nonces = self._second_look.at_standing(number, calls)
        return Standing(
            number,
            final_time,
            dict(zip(wallets, nonces[: len(wallets)], strict=True)),
            dict(zip(wallets, nonces[len(wallets) :], strict=True)),
        )

    def are_absent(self, tx_hashes: Sequence[str], block: int) -> list[bool]:
        """See `Chain`."""
        return self._second_look.at_absence(tx_hashes, block)

    def contradictions(self) -> list[Contradiction]:
        """See `Chain`."""
        return self._second_look.take_contradictions()

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
        try:
            return receipt_of(raw, self._market.facts, self._native, confirmations, is_final)
        except BadAnswer as error:
            logger.error("the receipt of %s is not believed: %s", raw.tx_hash, self._rpc.doubted(error).detail)
            return None

    def _sign(self, intent: Intent) -> SignedTransaction | DexError:
        try:
            deadline = NEVER if isinstance(intent, NoopIntent) else intent.deadline
            return sign(self._envelope(intent), intent.wallet, deadline, self.chain_id, self._signer)
        except DexError as error:
            return error

    def _reprice(self, signed: SignedTransaction, fees: Fees) -> SignedTransaction | DexError:
        try:
            if signed.raw[:1] == delegation.TYPE:
                wanted = replace(read_delegation(signed.raw), fees=self._capped(fees))
                return sign_delegation(wanted, self.chain_id, self._signer)
            envelope = replace(read_envelope(signed.raw), fees=self._capped(fees))
            return sign(envelope, signed.wallet, deadline_of(envelope), self.chain_id, self._signer)
        except DexError as error:
            return error

    def _complaint(self, intent: Intent) -> DexError | None:
        try:
            self._signer.judge(intent.wallet, self._envelope(intent).payload())
        except DexError as error:
            return error
        return None

    def _trial(self, intent: SwapIntent) -> Trial | DexError:
        try:
            envelope = self._envelope(intent)
        except DexError as error:
            return error
        return Trial(intent, envelope.to, envelope.data, envelope.value, envelope.gas)

    def _envelope(self, intent: Intent) -> Envelope:
        """Raises: BroadcastRejected, SigningRefused."""
        number, fees = self._options.deployment.chain_id, self._capped(intent.fees)
        if isinstance(intent, NoopIntent):
            return Envelope(number, intent.nonce, fees, self._options.bare_gas, intent.wallet, 0, b"")
        if intent.scenario != "none":
            raise BroadcastRejected("faults are acted out on the simulated chain only")
        call = self._drafted.get(_apart(intent)) or draft_of(intent, self._options, self._market, self._native)
        return Envelope(number, intent.nonce, fees, call.gas, call.to, call.value, call.data)

    def _capped(self, fees: Fees) -> Fees:
        if fees.max_fee > self._options.max_fee:
            raise SigningRefused(f"a bid of {fees.max_fee} wei per gas is above the most, {self._options.max_fee}")
        return Fees(fees.max_fee, min(fees.priority_fee, fees.max_fee))


def _apart(intent: SwapIntent) -> SwapIntent:
    """The intent without what its call does not depend on."""
    return replace(intent, nonce=0, fees=Fees())


def _count(wallet: str, tag: str) -> Call:
    return ("eth_getTransactionCount", [wallet, tag])
