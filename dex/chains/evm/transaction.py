"""The bytes of a type-2 transaction, and its signature.

Source: https://eips.ethereum.org/EIPS/eip-1559
"""

from dataclasses import dataclass
from typing import Any

import rlp
from eth_utils.crypto import keccak
from rlp.exceptions import RLPException

from dex.errors import BroadcastRejected
from dex.signers import Signer
from dex.types import Fees, SignedTransaction

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


def chain_name(chain_id: int) -> str:
    """The engine's name of a chain.

    Source: https://chainagnostic.org/CAIPs/caip-2
    """
    return f"eip155:{chain_id}"
