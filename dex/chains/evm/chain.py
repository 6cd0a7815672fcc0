"""An EVM chain behind the `Chain` interface: routes become one transaction of the router, receipts become fills."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dex.chains.base import Snapshot
from dex.chains.evm import abi
from dex.chains.evm.failures import refusal_of
from dex.chains.evm.fees import ASK, fees_of
from dex.chains.evm.gas import gas_for
from dex.chains.evm.market import EvmMarket
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.receipts import receipt_of
from dex.chains.evm.rehearsal import Trial, estimated, judge
from dex.chains.evm.reverts import explain
from dex.chains.evm.router_calls import swap_calls
from dex.chains.evm.rpc import Call, Rpc, RpcError, Unreachable
from dex.chains.evm.transaction import Envelope, chain_name, deadline_of, read_envelope, sign
from dex.chains.evm.wrapping import native_of, tokens_of, wrapping_pools
from dex.errors import BroadcastRejected, BroadcastTimeout, ChainUnavailable, DexError, RetryableError, SigningRefused
from dex.signers import Signer
from dex.types import NEVER, Fees, Intent, NoopIntent, Receipt, SignedTransaction, Standing, SwapIntent, Token

# Measured: 26,000 to 46,000, more for tokens behind proxies.
APPROVAL_GAS = 150_000


class EvmChain:
    """Safe to share between threads. Whatever it hears from nodes may be late, but is never older than what it said.

    `fund` is called with a wallet before its first nonce is told: how a development chain fills new ones.
    """

    def __init__(self, options: EvmOptions, signer: Signer, fund: Callable[[str], None] | None = None) -> None:
        self._options = options
        self._signer = signer
        self._fund = fund
        self._rpc = Rpc(options.urls, options.deployment.chain_id, options.timeout_s, options.max_batch)
        self._native = native_of(options)
        self._market = EvmMarket(self._rpc, options, wrapping_pools(options))
        self._final_seen = 0
        self._drafted: dict[SwapIntent, tuple[bytes, int, int]] = {}

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
        return self._options.timeout_s * len(self._options.urls)

    def block_interval_s(self) -> float:
        """See `Chain`."""
        return self._options.block_s

    def address_of(self, owner: str) -> str:
        """See `Chain`."""
        return self._signer.address_of(owner)

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        return self._market.snapshot()

    def next_nonce(self, wallet: str) -> int:
        """See `Chain`."""
        if self._fund is not None:
            self._fund(wallet)
        (count,) = self._rpc.results([_count(wallet, "latest")])
        return int(count, 16)

    def balances(self, wallet: str) -> dict[str, int]:
        """See `Chain`."""
        data = "0x" + abi.BALANCE_OF.call(wallet).hex()
        tokens = self._options.tokens
        calls: list[Call] = [("eth_call", [{"to": token.address, "data": data}, "latest"]) for token in tokens]
        native, *held = self._rpc.results([("eth_getBalance", [wallet, "latest"]), *calls])
        found = {token.symbol: int(answer, 16) for token, answer in zip(tokens, held, strict=True)}
        return found | {self._native.symbol: int(native, 16)}

    def allowances(self, wallet: str) -> dict[str, int]:
        """See `Chain`."""
        data = "0x" + abi.ALLOWANCE.call(wallet, self._options.deployment.router).hex()
        tokens = self._options.tokens
        answers = self._rpc.results([("eth_call", [{"to": token.address, "data": data}, "latest"]) for token in tokens])
        return {token.symbol: int(answer, 16) for token, answer in zip(tokens, answers, strict=True)}

    def approve(self, wallet: str, nonce: int, token: str, amount: int, fees: Fees) -> SignedTransaction | DexError:
        """See `Chain`."""
        address = next((item.address for item in self._options.tokens if item.symbol == token), None)
        if address is None:
            return BroadcastRejected(f"there is no token {token} to approve on this chain")
        deployment = self._options.deployment
        data, gas = abi.APPROVE.call(deployment.router, amount), APPROVAL_GAS + deployment.extra_gas
        try:
            envelope = Envelope(deployment.chain_id, nonce, self._capped(fees), gas, address, 0, data)
            return sign(envelope, wallet, NEVER, self.chain_id, self._signer)
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
        trials = [draft for draft in drafts if isinstance(draft, Trial)]
        answers = self._rpc.read([trial.call() for trial in trials]) if trials else []
        trials, answers = estimated(self._rpc, trials, answers)
        # Signed a moment later: the bytes are the same but for nonce and fees. Whole, so that threads do not mix.
        self._drafted = {_apart(trial.intent): (trial.data, trial.value, trial.gas) for trial in trials}
        doubtful = any(isinstance(answer, RpcError) for answer in answers)
        if doubtful:
            self._market.expire()  # what the answers are judged by must not be older than they are
        judged = iter(judge(trials, answers, self._market.snapshot()) if doubtful else [None] * len(trials))
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
        """See `Chain`. Every node is told, and the best word of any of them counts."""
        if not transactions:
            return []
        calls: list[Call] = [("eth_sendRawTransaction", ["0x" + item.raw.hex()]) for item in transactions]
        by_node = self._rpc.send(calls)
        return [_best([_sent(answers[number]) for answers in by_node]) for number in range(len(calls))]

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        if not tx_hashes:
            return []
        self._market.discovered()
        # The height comes first: blocks made meanwhile can only make the count of confirmations too small.
        calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in tx_hashes]
        head, final, *raws = self._rpc.results([*self._ends(), *calls])
        last_final = self._last_final(head, final)
        found = [self._receipt(raw, head, last_final) if raw else None for raw in raws]
        undone = [(one, raw) for one, raw in zip(found, raws, strict=True) if one is not None and not one.is_success]
        words = {receipt.tx_hash: receipt for receipt in explain(self._rpc, undone)}
        self._final_seen = max([self._final_seen, *(r.block_number for r in found if r is not None and r.is_final)])
        return [words.get(receipt.tx_hash, receipt) if receipt else None for receipt in found]

    def standing(self, wallets: Sequence[str]) -> Standing:
        """See `Chain`."""
        head, final = self._rpc.results(self._ends())
        number = max(0, self._last_final(head, final))
        calls = [_count(wallet, tag) for tag in (head["number"], hex(number)) for wallet in wallets]
        block, *counts = self._rpc.results([("eth_getBlockByNumber", [hex(number), False]), *calls])
        if number < self._final_seen or block is None:
            raise ChainUnavailable("the node lags behind what another one has said")
        nonces = [int(count, 16) for count in counts]
        return Standing(
            number,
            int(block["timestamp"], 16),
            dict(zip(wallets, nonces[: len(wallets)], strict=True)),
            dict(zip(wallets, nonces[len(wallets) :], strict=True)),
        )

    def _ends(self) -> list[Call]:
        """Asks for the newest block, and for the newest that the chain itself calls final."""
        tag = "finalized" if self._options.has_finality_tag else "latest"
        return [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", [tag, False])]

    def _last_final(self, head: dict[str, Any], final: dict[str, Any] | None) -> int:
        by_depth = int(head["number"], 16) - self._options.confirmations + 1
        if not self._options.has_finality_tag:
            return by_depth
        return min(by_depth, int(final["number"], 16) if final else 0)

    def _receipt(self, raw: dict[str, Any], head: dict[str, Any], last_final: int) -> Receipt:
        number = int(raw["blockNumber"], 16)
        confirmations = max(0, int(head["number"], 16) - number) + 1
        return receipt_of(raw, self._market.facts, self._native, confirmations, number <= last_final)

    def _sign(self, intent: Intent) -> SignedTransaction | DexError:
        try:
            deadline = NEVER if isinstance(intent, NoopIntent) else intent.deadline
            return sign(self._envelope(intent), intent.wallet, deadline, self.chain_id, self._signer)
        except DexError as error:
            return error

    def _reprice(self, signed: SignedTransaction, fees: Fees) -> SignedTransaction | DexError:
        try:
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
        extra = self._options.deployment.extra_gas
        if isinstance(intent, NoopIntent):
            return Envelope(number, intent.nonce, fees, self._options.noop_gas + extra, intent.wallet, 0, b"")
        if intent.scenario != "none":
            raise BroadcastRejected("faults are acted out on the simulated chain only")
        data, value, gas = self._drafted.get(_apart(intent)) or self._draft(intent)
        return Envelope(number, intent.nonce, fees, gas, self._options.deployment.router, value, data)

    def _draft(self, intent: SwapIntent) -> tuple[bytes, int, int]:
        """What the router is called with, native atoms to send along, and the limit of gas."""
        data, value = swap_calls(intent, self._market.facts, self._native)
        return data, value, gas_for(intent.route, self._market.pool, self._options.deployment.extra_gas)

    def _capped(self, fees: Fees) -> Fees:
        if fees.max_fee > self._options.max_fee:
            raise SigningRefused(f"a bid of {fees.max_fee} wei per gas is above the most, {self._options.max_fee}")
        return Fees(fees.max_fee, min(fees.priority_fee, fees.max_fee))


def _apart(intent: SwapIntent) -> SwapIntent:
    """The intent without what its call does not depend on."""
    return replace(intent, nonce=0, fees=Fees())


def _count(wallet: str, tag: str) -> Call:
    return ("eth_getTransactionCount", [wallet, tag])


def _sent(answer: object) -> DexError | None:
    """What one node says about sent bytes."""
    if isinstance(answer, Unreachable):
        return answer if answer.is_unsent else BroadcastTimeout(f"sent, but {answer.detail}")
    return refusal_of(answer.message) if isinstance(answer, RpcError) else None


def _best(answers: Sequence[DexError | None]) -> DexError | None:
    """None when any node has it; surely unsent only when no node can have it."""
    if None in answers:
        return None
    doubts = [answer for answer in answers if not isinstance(answer, RetryableError)]
    return doubts[0] if doubts else answers[0]
