"""From intents to signed transactions of an EVM chain, under the most that a fee may be."""

from dataclasses import replace

from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.outcomes.simulation import EncodedSwap
from dex.chains.evm.pools.market import EvmMarket
from dex.chains.evm.swaps.effects import deadline_of
from dex.chains.evm.swaps.encode import ContractCall, encode_swap
from dex.chains.evm.swaps.wrapping import native_of
from dex.chains.evm.transactions import delegation
from dex.chains.evm.transactions.delegation import read_delegation, sign_delegation
from dex.chains.evm.transactions.transaction import Envelope, chain_name, read_envelope, sign
from dex.errors import BroadcastRejected, DexError, SigningRefused
from dex.signers import Signer
from dex.types import (
    NEVER,
    CancellationIntent,
    Fees,
    Intent,
    PreparedSwap,
    Signable,
    SignedTransaction,
    SwapIntent,
    intent_of,
)


class Signing:
    """Encodes and signs for one chain; asks no node but for the market of a swap."""

    def __init__(self, options: EvmOptions, market: EvmMarket, signer: Signer) -> None:
        self._options = options
        self._market = market
        self._signer = signer
        self._native = native_of(options)
        self._chain_id = chain_name(options.deployment.chain_id)

    def sign(self, item: Signable) -> SignedTransaction | DexError:
        """The transaction of an intent or a simulated swap, or why it is not signed."""
        intent = intent_of(item)
        try:
            deadline = NEVER if isinstance(intent, CancellationIntent) else intent.deadline
            return sign(self.envelope(item), intent.wallet, deadline, self._chain_id, self._signer)
        except DexError as error:
            return error

    def reprice(self, signed: SignedTransaction, fees: Fees) -> SignedTransaction | DexError:
        """The same transaction with other fees, or why it is not signed."""
        try:
            if signed.raw[:1] == delegation.TYPE:
                wanted = replace(read_delegation(signed.raw), fees=self.capped(fees))
                return sign_delegation(wanted, self._chain_id, self._signer)
            envelope = replace(read_envelope(signed.raw), fees=self.capped(fees))
            return sign(envelope, signed.wallet, deadline_of(envelope), self._chain_id, self._signer)
        except DexError as error:
            return error

    def complaint(self, intent: Intent) -> DexError | None:
        """Why the signer would refuse; nothing is signed."""
        try:
            self._signer.judge(intent.wallet, self.envelope(intent).payload())
        except DexError as error:
            return error
        return None

    def encoded(self, intent: SwapIntent) -> EncodedSwap | DexError:
        """The call of a swap, or why there is none."""
        try:
            return EncodedSwap(intent, self._call(intent))
        except DexError as error:
            return error

    def envelope(self, item: Signable) -> Envelope:
        """The transaction to sign. Raises: BroadcastRejected, SigningRefused."""
        intent = intent_of(item)
        number, fees = self._options.deployment.chain_id, self.capped(intent.fees)
        if isinstance(item, CancellationIntent):
            return Envelope(number, item.nonce, fees, self._options.cancellation_limit, item.wallet, 0, b"")
        call = self._swap_call(item)
        return Envelope(number, intent.nonce, fees, call.gas, call.to, call.value, call.data)

    def gas_and_bytes(self, item: Signable | SignedTransaction) -> tuple[int, int]:
        """The most gas that a transaction may use, and how many bytes of data it has. Raises: BroadcastRejected."""
        if isinstance(item, SignedTransaction):
            if item.raw[:1] == delegation.TYPE:
                return read_delegation(item.raw).gas, len(item.raw)
            envelope = read_envelope(item.raw)
            return envelope.gas, len(envelope.data)
        if isinstance(item, CancellationIntent):
            return self._options.cancellation_limit, 0
        call = self._swap_call(item)
        return call.gas, len(call.data)

    def _swap_call(self, item: PreparedSwap | SwapIntent) -> ContractCall:
        """What was simulated, else what the intent is encoded as. Raises: BroadcastRejected."""
        call = item.call if isinstance(item, PreparedSwap) else self._call(item)
        if not isinstance(call, ContractCall):
            raise BroadcastRejected("the swap was not prepared for this chain")
        return call

    def _call(self, intent: SwapIntent) -> ContractCall:
        """Raises: BroadcastRejected."""
        if intent.scenario != "none":
            raise BroadcastRejected("faults are acted out on the simulated chain only")
        return encode_swap(intent, self._options, self._market, self._native)

    def capped(self, fees: Fees) -> Fees:
        """Raises: SigningRefused above the most that the options allow per gas."""
        if fees.max_fee > self._options.max_fee:
            raise SigningRefused(f"a fee of {fees.max_fee} wei per gas is above the most, {self._options.max_fee}")
        return Fees(fees.max_fee, min(fees.priority_fee, fees.max_fee))
