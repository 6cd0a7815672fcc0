"""The bytes of a type-2 transaction, and what they would do.

Source: https://eips.ethereum.org/EIPS/eip-1559
"""

from collections.abc import Callable
from dataclasses import dataclass

import rlp
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from rlp.exceptions import RLPException

from dex.chains.evm.abi import APPROVE, MULTICALL
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.router_calls import deeds_of
from dex.errors import BroadcastRejected
from dex.signers import Facts, Signer
from dex.types import NEVER, Fees, SignedTransaction

TYPE = b"\x02"
FIELDS, SIGNED_FIELDS = 9, 12
SIGNATURE_BYTES = 65
# Of RLP: what begins text and lists, and the most bytes of which the length stands in that same byte.
TEXT, LIST, SHORT = b"\x80", b"\xc0", 55
EMPTY_LIST = LIST


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
        return _packed(self._body())

    def signed(self, signature: bytes) -> bytes:
        """The bytes that travel; `signature` is r, s and the recovery id."""
        parity, r, s = signature[64:], signature[:32], signature[32:64]
        return _packed(self._body() + b"".join(_item(part.lstrip(b"\0")) for part in (parity, r, s)))

    def _body(self) -> bytes:
        fees, to = self.fees, bytes.fromhex(self.to[2:])
        numbers = (self.chain_id, self.nonce, fees.priority_fee, fees.max_fee, self.gas)
        rest = (_item(to), _number(self.value), _item(self.data), EMPTY_LIST)
        return b"".join((*map(_number, numbers), *rest))


def _packed(body: bytes) -> bytes:
    return TYPE + _length(len(body), LIST) + body


def _number(value: int) -> bytes:
    return _item(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _item(data: bytes) -> bytes:
    """Bytes as RLP has them. By hand: its library takes ten times as long, and a test compares with it."""
    return data if len(data) == 1 and data < TEXT else _length(len(data), TEXT) + data


def _length(size: int, kind: bytes) -> bytes:
    """What stands before so many bytes. Source: Ethereum Yellow Paper, appendix B."""
    if size <= SHORT:
        return bytes([kind[0] + size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([kind[0] + SHORT + len(digits)]) + digits


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
        deeds = deeds_of(envelope.data, envelope.value)
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
