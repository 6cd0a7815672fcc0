"""Wallets that run a contract's code: the type-4 transaction that makes one do so, and which of them do.

Source: https://eips.ethereum.org/EIPS/eip-7702
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from eth_hash.auto import keccak
from rlp.exceptions import RLPException

from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.errors import BroadcastRejected
from dex.signers import Signer
from dex.types import NEVER, Fees, SignedTransaction

TYPE, MAGIC = b"\x04", b"\x05"
FIELDS, SIGNED_FIELDS = 10, 13
# What the code of such a wallet begins with; the contract's address follows.
DESIGNATOR = "0xef0100"
_DESIGNATOR_BYTES = bytes.fromhex(DESIGNATOR[2:])
# Measured: 37,000, of which 12,500 are given back afterwards only.
GAS = 100_000
# How long an answer about a wallet is taken for granted; before anything is signed it is asked for again.
KNOWN_S = 5.0


@dataclass(frozen=True, slots=True)
class Delegation:
    """A transaction to the wallet itself that delegates to `delegate`. It consumes two nonces: its own and the next."""

    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    wallet: str
    delegate: str

    def authorization(self) -> bytes:
        """What the wallet's first signature covers."""
        return MAGIC + _packed([self.chain_id, bytes.fromhex(self.delegate[2:]), self.nonce + 1])

    def payload(self, authorized: bytes) -> bytes:
        """What its second one covers; `authorized` is the first."""
        return TYPE + _packed(self._fields(authorized))

    def signed(self, authorized: bytes, signature: bytes) -> bytes:
        """The bytes that travel."""
        return TYPE + _packed([*self._fields(authorized), *_parts(signature)])

    def _fields(self, authorized: bytes) -> list[Any]:
        to, delegate, fees = bytes.fromhex(self.wallet[2:]), bytes.fromhex(self.delegate[2:]), self.fees
        authorization = [self.chain_id, delegate, self.nonce + 1, *_parts(authorized)]
        return [
            self.chain_id, self.nonce, fees.priority_fee, fees.max_fee, self.gas, to, 0, b"", [], [authorization],
        ]  # fmt: skip


def sign_delegation(delegation: Delegation, chain_id: str, signer: Signer) -> SignedTransaction:
    """Raises: SigningRefused."""
    wallet = delegation.wallet
    authorized = signer.sign(wallet, delegation.authorization())
    raw = delegation.signed(authorized, signer.sign(wallet, delegation.payload(authorized)))
    tx_hash = "0x" + keccak(raw).hex()
    return SignedTransaction(chain_id, wallet, delegation.nonce, raw, tx_hash, NEVER, delegation.fees)


def read_delegation(raw: bytes) -> Delegation:
    """The one that a payload or signed bytes hold. Raises: BroadcastRejected where they do anything else."""
    fields = _unpacked(raw)
    if raw[:1] != TYPE or len(fields) not in {FIELDS, SIGNED_FIELDS}:
        raise BroadcastRejected("the bytes are no delegation")
    chain_id, nonce, priority_fee, max_fee, gas = (int.from_bytes(field, "big") for field in fields[:5])
    wallet, value, data, access, authorizations = fields[5:10]
    if value or data or access or len(authorizations) != 1:
        raise BroadcastRejected("the bytes do more than delegate")
    of_chain, delegate, of_nonce, *_ = authorizations[0]
    if [int.from_bytes(of_chain, "big"), int.from_bytes(of_nonce, "big")] != [chain_id, nonce + 1]:
        raise BroadcastRejected("the authorization is not for this transaction")
    fees = Fees(max_fee, priority_fee)
    return Delegation(chain_id, nonce, fees, gas, "0x" + wallet.hex(), "0x" + delegate.hex())


def read_authorization(raw: bytes) -> tuple[int, str]:
    """The chain and the contract of an authorization. Raises: BroadcastRejected."""
    fields = _unpacked(raw)
    if len(fields) != 3:
        raise BroadcastRejected("the bytes are no authorization")
    return int.from_bytes(fields[0], "big"), "0x" + fields[1].hex()


class Delegates:
    """Whose code each wallet runs, as it was last seen. Safe to share between threads.

    `account` is the contract by whose code wallets act in batches; empty: none does.
    """

    def __init__(self, rpc: Rpc, account: str) -> None:
        self._rpc = rpc
        self._account = account
        self._seen: dict[str, tuple[float, str]] = {}

    def acting(self, wallets: Iterable[str], *, is_fresh: bool = False) -> frozenset[str]:
        """Those that act in batches. Raises: ChainUnavailable."""
        found = self.of(wallets, is_fresh=is_fresh) if self._account else {}
        return frozenset(wallet for wallet, delegate in found.items() if delegate == self._account)

    def of(self, wallets: Iterable[str], *, is_fresh: bool = False) -> dict[str, str]:
        """Each wallet's delegate, empty where it has none. Raises: ChainUnavailable."""
        now, found = time.monotonic(), {wallet: self._seen.get(wallet, (float("-inf"), "")) for wallet in wallets}
        wanted = [wallet for wallet, (at, _) in found.items() if is_fresh or now - at > KNOWN_S]
        if wanted:
            self.noted(wanted, self._rpc.results(code_calls(wanted)))
            found |= {wallet: self._seen[wallet] for wallet in wanted}
        return {wallet: delegate for wallet, (_, delegate) in found.items()}

    def noted(self, wallets: Sequence[str], codes: Sequence[object]) -> frozenset[str]:
        """Take in what a node answered to `code_calls`; those that act in batches. Raises: BadAnswer for a refusal."""
        for code in codes:
            if not isinstance(code, bytes):
                raise BadAnswer("a refusal of eth_getCode")
        now = time.monotonic()
        seen = {
            wallet: delegate_in(code) for wallet, code in zip(wallets, codes, strict=True) if isinstance(code, bytes)
        }
        self._seen = self._seen | {wallet: (now, delegate) for wallet, delegate in seen.items()}
        return frozenset(wallet for wallet, delegate in seen.items() if delegate == self._account != "")


def code_calls(wallets: Sequence[str]) -> list[Call]:
    """Asks for the code that each wallet runs."""
    return [("eth_getCode", [wallet, "latest"]) for wallet in wallets]


def delegate_in(code: bytes) -> str:
    """The contract that a wallet's code names; empty where it is none."""
    return "0x" + code.removeprefix(_DESIGNATOR_BYTES).hex() if code.startswith(_DESIGNATOR_BYTES) else ""


def _parts(signature: bytes) -> list[int]:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return [signature[64], r, s]


def _packed(fields: list[Any]) -> bytes:
    return bytes(rlp.encode(fields))


def _unpacked(raw: bytes) -> list[Any]:
    try:
        fields = rlp.decode(raw[1:])
    except RLPException as error:
        raise BroadcastRejected("the bytes cannot be read") from error
    if not isinstance(fields, list):
        raise BroadcastRejected("the bytes hold no fields")
    return fields
