"""Summaries of payloads for a signer's policy, read out of the bytes.

Bytes that this engine never writes are refused.
"""

from collections.abc import Mapping

from eth_abi.exceptions import DecodingError

from dex.chains.evm.abi.contracts import APPROVE, EXECUTE_BATCH, MULTICALL
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.swaps import universal
from dex.chains.evm.swaps.batch_effects import batch_deadline, batch_effects
from dex.chains.evm.swaps.router_calls import CallEffects, decode_effects
from dex.chains.evm.transactions import delegation
from dex.chains.evm.transactions.permit2 import PERMIT2, PERMIT2_APPROVE, decode_allowance
from dex.chains.evm.transactions.transaction import Envelope, chain_name, read_envelope
from dex.errors import BroadcastRejected
from dex.signers import (
    ApprovalSummary,
    AuthorizationSummary,
    CancellationSummary,
    DelegationSummary,
    SummarizePayload,
    SwapSummary,
    TransactionSummary,
)
from dex.types import NEVER

Symbols = Mapping[str, str]  # of tokens, by address


def deadline_of(envelope: Envelope) -> int:
    """Chain time after which it reverts. Raises: BroadcastRejected."""
    selector = envelope.data[:4]
    if selector == EXECUTE_BATCH.selector:
        return batch_deadline(envelope.data)
    if selector == universal.EXECUTE.selector:
        return universal.decode_effects(envelope.data, envelope.value).deadline
    if selector != MULTICALL.selector:
        return NEVER
    return decode_effects(envelope.data, envelope.value).deadline


def payload_summarizer(options: EvmOptions) -> SummarizePayload:
    """`summarize_payload` of one chain: tokens are named by the symbols that the chain lists.

    Raises, when called: BroadcastRejected for bytes that this engine never writes.
    """
    symbols = {token.address: token.symbol for token in options.tokens} | {"": options.deployment.native_symbol}

    def summarize_payload(payload: bytes) -> TransactionSummary:
        if payload[:1] == delegation.MAGIC:
            return _authorization(payload)
        if payload[:1] == delegation.TYPE:
            return _delegation(payload)
        envelope = read_envelope(payload)
        if envelope.payload() != payload:
            raise BroadcastRejected("the transaction is not written as this engine writes it")
        if not envelope.data:
            return _cancellation(envelope)
        return _approval(envelope, symbols) or _swap(envelope, options, symbols)

    return summarize_payload


def _authorization(payload: bytes) -> AuthorizationSummary:
    chain_id, delegate = delegation.read_authorization(payload)
    return AuthorizationSummary(chain_name(chain_id), delegate)


def _delegation(payload: bytes) -> DelegationSummary:
    read = delegation.read_delegation(payload)
    return DelegationSummary(chain_name(read.chain_id), read.wallet, read.delegate, read.gas * read.fees.max_fee)


def _cancellation(envelope: Envelope) -> CancellationSummary:
    if envelope.value:
        raise BroadcastRejected("the bytes give money away")
    return CancellationSummary(chain_name(envelope.chain_id), envelope.to, _max_fee(envelope))


def _approval(envelope: Envelope, symbols: Symbols) -> ApprovalSummary | None:
    """None for another call."""
    selector, to = envelope.data[:4], envelope.to
    if envelope.value:
        return None
    chain_id, max_fee = chain_name(envelope.chain_id), _max_fee(envelope)
    try:
        if selector == APPROVE.selector and to in symbols:
            spender, amount = APPROVE.arguments(envelope.data)
            return ApprovalSummary(chain_id, spender, symbols[to], amount, max_fee, expires_at=None)
        if selector == PERMIT2_APPROVE.selector and to == PERMIT2:
            given = decode_allowance(envelope.data)
            if given.token not in symbols:
                raise BroadcastRejected(f"{given.token} is no token that this chain lists")
            return ApprovalSummary(
                chain_id, given.spender, symbols[given.token], given.amount, max_fee, given.expires_at
            )
    except DecodingError as error:
        raise BroadcastRejected("the approval cannot be read") from error
    return None


def _swap(envelope: Envelope, options: EvmOptions, symbols: Symbols) -> SwapSummary:
    wallet, effects, routers = _call_effects(envelope, options, symbols)
    return SwapSummary(
        chain_id=chain_name(envelope.chain_id),
        wallet=wallet,
        routers=routers,
        recipient=effects.recipient,
        token=symbols.get(effects.token, effects.token),
        amount=effects.amount,
        max_fee=_max_fee(envelope),
        deadline=effects.deadline,
    )


def _max_fee(envelope: Envelope) -> int:
    return envelope.gas * envelope.fees.max_fee


def _call_effects(envelope: Envelope, options: EvmOptions, symbols: Symbols) -> tuple[str, CallEffects, frozenset[str]]:
    """Whose wallet it is, what is done with it, and the routers that are called."""
    if envelope.data[:4] == EXECUTE_BATCH.selector:
        if envelope.value:
            raise BroadcastRejected("the batch is sent money along, which it refuses")
        # A wallet takes a batch from itself alone: it is called by the signing wallet.
        return envelope.to, *batch_effects(envelope.data, options.deployment, symbols)
    is_universal = envelope.to == options.universal_router
    effects = (universal.decode_effects if is_universal else decode_effects)(envelope.data, envelope.value)
    # The signer pays, so the proceeds must go to the signer's wallet.
    return effects.recipient, effects, frozenset({envelope.to})
