"""What bytes that are to be signed would do, for a signer's policy. Whatever this engine never writes is refused."""

from collections.abc import Callable, Mapping

from eth_abi.exceptions import DecodingError

from dex.chains.evm import delegation, universal
from dex.chains.evm.abi import APPROVE, EXECUTE_BATCH, MULTICALL
from dex.chains.evm.batch_deeds import batch_deadline, batch_deeds
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.permit2 import LET_TAKE, PERMIT2, leave_of
from dex.chains.evm.router_calls import Deeds, deeds_of
from dex.chains.evm.transaction import Envelope, chain_name, read_envelope
from dex.errors import BroadcastRejected
from dex.signers import Facts
from dex.types import NEVER

Symbols = Mapping[str, str]  # of tokens, by address


def deadline_of(envelope: Envelope) -> int:
    """Chain time after which it reverts. Raises: BroadcastRejected."""
    selector = envelope.data[:4]
    if selector == EXECUTE_BATCH.selector:
        return batch_deadline(envelope.data)
    if selector == universal.EXECUTE.selector:
        return universal.deeds_of(envelope.data, envelope.value).deadline
    if selector != MULTICALL.selector:
        return NEVER
    return deeds_of(envelope.data, envelope.value).deadline


def facts_reader(options: EvmOptions) -> Callable[[bytes], Facts]:
    """Reads payloads of one chain for a signer's policy; tokens by the symbols that the chain lists."""
    symbols = {token.address: token.symbol for token in options.tokens} | {"": options.deployment.native_symbol}

    def read(payload: bytes) -> Facts:
        if payload[:1] in {delegation.TYPE, delegation.MAGIC}:
            return _delegated(payload)
        envelope = read_envelope(payload)
        fee, chain_id = envelope.gas * envelope.fees.max_fee, chain_name(envelope.chain_id)
        if not envelope.data:
            if envelope.value:
                raise BroadcastRejected("the bytes give money away")
            return Facts(chain_id, envelope.to, "", envelope.to, "", 0, fee, 0, is_noop=True)
        if (leave := _leave(envelope, symbols)) is not None:
            token, spender, amount, ends = leave
            return Facts(chain_id, "", spender, "", token, amount, fee, ends, is_approval=True)
        wallet, deeds, routers = _swapped(envelope, options, symbols)
        router = min(routers)
        return Facts(
            chain_id=chain_id,
            wallet=wallet,
            router=router,
            recipient=deeds.recipient,
            token=symbols.get(deeds.token, deeds.token),
            amount=deeds.amount,
            fee=fee,
            deadline=deeds.deadline,
            further_routers=routers - {router},
        )

    return read


def _delegated(payload: bytes) -> Facts:
    if payload[:1] == delegation.MAGIC:
        number, delegate = delegation.read_authorization(payload)
        return Facts(chain_name(number), "", delegate, "", "", 0, 0, 0, is_delegation=True)
    read = delegation.read_delegation(payload)
    fee = read.gas * read.fees.max_fee
    return Facts(chain_name(read.chain_id), read.wallet, read.delegate, "", "", 0, fee, 0, is_delegation=True)


def _leave(envelope: Envelope, symbols: Symbols) -> tuple[str, str, int, int] | None:
    """Token, spender, atoms and end (0: none) of leave that a call gives, None for another call."""
    selector, to = envelope.data[:4], envelope.to
    if envelope.value:
        return None
    try:
        if selector == APPROVE.selector and to in symbols:
            spender, amount = APPROVE.arguments(envelope.data)
            return symbols[to], spender, amount, 0
        if selector == LET_TAKE.selector and to == PERMIT2:
            leave = leave_of(envelope.data)
            if leave.token not in symbols:
                raise BroadcastRejected(f"{leave.token} is no token that this chain lists")
            return symbols[leave.token], leave.spender, leave.amount, leave.expires
    except DecodingError as error:
        raise BroadcastRejected("the approval cannot be read") from error
    return None


def _swapped(envelope: Envelope, options: EvmOptions, symbols: Symbols) -> tuple[str, Deeds, frozenset[str]]:
    """Whose wallet it is, what is done with it, and the routers that are called."""
    if envelope.data[:4] == EXECUTE_BATCH.selector:
        if envelope.value:
            raise BroadcastRejected("the batch is sent money along, which it refuses")
        # A wallet takes a batch from itself alone: it is called by whoever signs.
        return envelope.to, *batch_deeds(envelope.data, options.deployment, symbols)
    is_universal = envelope.to == options.universal_router
    deeds = (universal.deeds_of if is_universal else deeds_of)(envelope.data, envelope.value)
    # Whoever signs pays, so the one to whom the proceeds go must be the signer's wallet.
    return deeds.recipient, deeds, frozenset({envelope.to})
