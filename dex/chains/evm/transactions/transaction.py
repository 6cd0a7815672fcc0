"""The bytes of a type-2 transaction, and its signature.

Source: https://eips.ethereum.org/EIPS/eip-1559
"""

from dataclasses import dataclass

import rlp
from eth_hash.auto import keccak
from rlp.exceptions import RLPException

from dex.errors import BroadcastRejected
from dex.signers import Signer
from dex.types import Fees, SignedTransaction

TYPE = b"\x02"
FIELDS, SIGNED_FIELDS = 9, 12
SIGNATURE_BYTES = 65
# Of RLP: what begins text and lists, and the most bytes of which the length stands in that same byte.
TEXT, LIST, SHORT = b"\x80", b"\xc0", 55
EMPTY_LIST = LIST


@dataclass(frozen=True, slots=True)
class Envelope:
    """An unsigned transaction: `data` calls `to`, `value` is native atoms sent along."""

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
    """The RLP prefix of `size` bytes. Source: Ethereum Yellow Paper, appendix B."""
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
    if not all(isinstance(field, bytes) for field in fields[:8]):
        raise BroadcastRejected("the bytes hold lists where values are")
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


def chain_name(chain_id: int) -> str:
    """The engine's name of a chain.

    Source: https://chainagnostic.org/CAIPs/caip-2
    """
    return f"eip155:{chain_id}"
