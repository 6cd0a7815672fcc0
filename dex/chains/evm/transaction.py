"""The bytes of a type-2 transaction, and what they would do.

Source: https://eips.ethereum.org/EIPS/eip-1559
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rlp
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from rlp.exceptions import RLPException

from dex.chains.evm import universal
from dex.chains.evm.abi import APPROVE, MULTICALL
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.permit2 import LET_TAKE, PERMIT2, Leave, leave_of
from dex.chains.evm.router_calls import deeds_of
from dex.errors import BroadcastRejected
from dex.signers import Facts, Signer
from dex.types import NEVER, Fees, SignedTransaction

TYPE = b"\x02"
FIELDS, SIGNED_FIELDS = 9, 12
SIGNATURE_BYTES = 65


@dataclass(frozen=True, slots=True)
class Envelope:
    """An unsigned transaction: the fees are the bid, `data` calls `to`, `value` is native atoms sent along."""

    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    to: str
    value: int
    data: bytes

    def payload(self) -> bytes:
        """What the signature covers."""
        return TYPE + _packed(self._fields())

    def signed(self, signature: bytes) -> bytes:
        """The bytes that travel; `signature` is r, s and the recovery id."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return TYPE + _packed([*self._fields(), signature[64], r, s])

    def _fields(self) -> list[Any]:
        to = bytes.fromhex(self.to[2:])
        fees = self.fees
        return [
            self.chain_id, self.nonce, fees.priority_fee, fees.max_fee, self.gas, to, self.value, self.data, [],
        ]  # fmt: skip


def _packed(fields: list[Any]) -> bytes:
    return bytes(rlp.encode(fields))


def read_envelope(raw: bytes) -> Envelope:
    """The transaction in a payload or in signed bytes. Raises: BroadcastRejected."""
    try:
        fields = rlp.decode(raw[1:])
    except RLPException as error:
        raise BroadcastRejected("the bytes cannot be read") from error
    if raw[:1] != TYPE or not isinstance(fields, list) or len(fields) not in {FIELDS, SIGNED_FIELDS} or fields[8]:
        raise BroadcastRejected("the bytes are no transaction of this engine's kind")
    numbers = [int.from_bytes(field, "big") for field in fields[:5]]
    chain_id, nonce, priority_fee, max_fee, gas = numbers
    to, value, data = "0x" + fields[5].hex(), int.from_bytes(fields[6], "big"), bytes(fields[7])
    return Envelope(chain_id, nonce, Fees(max_fee, priority_fee), gas, to, value, data)


def sign(envelope: Envelope, wallet: str, deadline: int, chain_id: str, signer: Signer) -> SignedTransaction:
    """Raises: SigningRefused, BroadcastRejected."""
    signature = signer.sign(wallet, envelope.payload())
    if len(signature) != SIGNATURE_BYTES:
        raise BroadcastRejected("the signer's keys are not of this kind of chain")
    raw = envelope.signed(signature)
    tx_hash = "0x" + keccak(raw).hex()
    return SignedTransaction(chain_id, wallet, envelope.nonce, raw, tx_hash, deadline, envelope.fees)


def deadline_of(envelope: Envelope) -> int:
    """Chain time after which it reverts."""
    if envelope.data[:4] == universal.EXECUTE.selector:
        return universal.deeds_of(envelope.data, envelope.value).deadline
    if envelope.data[:4] != MULTICALL.selector:
        return NEVER
    return deeds_of(envelope.data, envelope.value).deadline


def facts_reader(options: EvmOptions) -> Callable[[bytes], Facts]:
    """Reads payloads of one chain for a signer's policy; tokens by the symbols that the chain lists."""
    deployment = options.deployment
    symbols = {token.address: token.symbol for token in options.tokens} | {"": deployment.native_symbol}

    def read(payload: bytes) -> Facts:
        envelope = read_envelope(payload)
        fee, chain_id = envelope.gas * envelope.fees.max_fee, chain_name(envelope.chain_id)
        if not envelope.data:
            if envelope.value:
                raise BroadcastRejected("the bytes give money away")
            return Facts(chain_id, envelope.to, "", envelope.to, "", 0, fee, 0, is_noop=True)
        if envelope.data[:4] == APPROVE.selector and envelope.to in symbols and not envelope.value:
            spender, amount = _approved(envelope.data)
            return Facts(chain_id, "", spender, "", symbols[envelope.to], amount, fee, 0, is_approval=True)
        if envelope.to == PERMIT2 and envelope.data[:4] == LET_TAKE.selector and not envelope.value:
            leave = _leave(envelope.data)
            if leave.token not in symbols:
                raise BroadcastRejected(f"{leave.token} is no token that this chain lists")
            token = symbols[leave.token]
            return Facts(chain_id, "", leave.spender, "", token, leave.amount, fee, leave.expires, is_approval=True)
        is_universal = envelope.to == options.universal_router
        deeds = (universal.deeds_of if is_universal else deeds_of)(envelope.data, envelope.value)
        # Whoever signs pays, so the one to whom the proceeds go must be the signer's wallet.
        return Facts(
            chain_id=chain_id,
            wallet=deeds.recipient,
            router=envelope.to,
            recipient=deeds.recipient,
            token=symbols.get(deeds.token, deeds.token),
            amount=deeds.amount,
            fee=fee,
            deadline=deeds.deadline,
        )

    return read


def _leave(data: bytes) -> Leave:
    try:
        return leave_of(data)
    except DecodingError as error:
        raise BroadcastRejected("the approval cannot be read") from error


def _approved(data: bytes) -> tuple[str, int]:
    try:
        spender, amount = APPROVE.arguments(data)
    except DecodingError as error:
        raise BroadcastRejected("the approval cannot be read") from error
    return spender, amount


def chain_name(chain_id: int) -> str:
    """The engine's name of a chain.

    Source: https://chainagnostic.org/CAIPs/caip-2
    """
    return f"eip155:{chain_id}"
