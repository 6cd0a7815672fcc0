"""A node's refusal of one call, and what it says: undone by the contracts, a block that it lacks, or asked too often.

Nodes word one thing differently and wrap a revert's bytes in different ways: both are tables here. The bytes decide,
not the code and words that come with them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dex.chains.evm.fields import kind_of

MAX_WORDS = 300
# The most objects inside each other in which a revert's bytes are looked for.
MAX_DEPTH = 5
SELECTOR_BYTES, WORD = 4, 32
# Error(string) and Panic(uint256). Source: https://docs.soliditylang.org/en/latest/control-structures.html
ERROR_STRING, PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")

# Of `eth_call`. Source: https://ethereum.github.io/execution-apis (3) and
# https://github.com/NethermindEth/nethermind/blob/master/src/Nethermind/Nethermind.JsonRpc/ErrorCodes.cs (-32015)
REVERT_CODES = frozenset({3, -32015})
# What says that the virtual machine stopped, each as one kind of node words it.
REVERT_WORDS = (
    "revert",  # Geth, Erigon, Besu, anvil; "VM Exception while processing transaction: revert" of Ganache and Hardhat
    "vm execution error",  # OpenEthereum, Nethermind
    "vm exception",  # Ganache, Hardhat
    "invalid opcode",  # Geth
    "bad instruction",  # OpenEthereum
    "bad jump",  # OpenEthereum
    "invalid jump",  # Geth
    "stack underflow",  # Geth, OpenEthereum
)
OUT_OF_GAS_WORDS = (
    "out of gas",  # Geth: https://github.com/ethereum/go-ethereum/blob/master/core/vm/errors.go
    "outofgas",  # Nethermind, anvil
    "gas required exceeds allowance",  # Geth's estimate
)
NO_MONEY_WORDS = (
    "insufficient funds",  # Geth, Erigon, anvil
    "insufficient sender balance",  # Nethermind
    "enough funds",  # Hardhat
    "exceeds account balance",  # Besu
    "upfront_cost_exceeds_balance",  # Besu
)
# A node behind a load balancer, or one that lags, knows nothing of the newest block yet.
UNKNOWN_BLOCK_WORDS = (
    "header not found",  # Geth
    "header for hash not found",  # Geth
    "unknown block",  # Geth, Erigon
    "unknown header",  # Geth
    "block not found",  # Besu, Erigon, Nethermind
    "could not find block",  # OpenEthereum
    "cannot find block",
    "could not be found",  # Nethermind: "block ... could not be found"
    "cannot be found",  # OpenEthereum, of the ends of a filter
    "resource not found",  # -32001 of EIP-1474
    "requested block number is in a range that is not available",
    "block is out of range",  # some providers
    "blockoutofrange",  # anvil
    "block range extends beyond current head",  # Geth, of the ends of a filter
    "after last accepted block",  # Avalanche
    "missing trie node",  # Geth, of a state
    "no state available",  # Nethermind
    "state not available",
    "state is not available",
    "state unavailable",  # Besu: "world state unavailable"; Geth: "required historical state unavailable"
)
RATE_CODES = frozenset({429, -32029})
RATE_WORDS = ("rate limit", "ratelimit", "too many requests", "request limit", "compute units per second")

# With 0x, or without it where nothing else begins so.
_HEX = re.compile(
    r"0x(?:[0-9a-f]{2})*(?![0-9a-z])|(?<![0-9a-z])(?:08c379a0|4e487b71)(?:[0-9a-f]{64})*(?![0-9a-z])",
    re.IGNORECASE | re.ASCII,
)
_DIGITS = re.compile(r"[0-9a-fA-F]{8}(?:[0-9a-fA-F]{64})*", re.ASCII)
# Members of wrapped errors in which the bytes are, in the order in which they are believed.
_MEMBERS = ("data", "result", "return", "output", "revertReason", "originalError", "error", "cause", "body")


class RpcError(NamedTuple):
    """`data` is what a contract gave back with its revert; empty where it gave nothing, or the node does not tell."""

    code: int
    message: str
    data: bytes = b""

    @property
    def is_revert(self) -> bool:
        """Whether the call was undone by the contracts, rather than refused by the node."""
        return len(self.data) >= SELECTOR_BYTES or self.code in REVERT_CODES or self._says(REVERT_WORDS)

    @property
    def is_out_of_gas(self) -> bool:
        """Whether the node says that its limit of gas did not suffice."""
        return self._says(OUT_OF_GAS_WORDS)

    @property
    def lacks_money(self) -> bool:
        """Whether the sender cannot pay for it."""
        return self._says(NO_MONEY_WORDS)

    @property
    def is_judgement(self) -> bool:
        """Whether the node tried the call, and this is what came of it."""
        return self.is_revert or self.is_out_of_gas or self.lacks_money

    @property
    def lacks_block(self) -> bool:
        """Whether the node does not have the block, or not its state."""
        return not self.is_revert and self._says(UNKNOWN_BLOCK_WORDS)

    @property
    def is_asked_too_often(self) -> bool:
        """Whether the node wants to be asked less."""
        return not self.is_revert and (self.code in RATE_CODES or self._says(RATE_WORDS))

    def _says(self, fragments: tuple[str, ...]) -> bool:
        text = self.message.lower()
        return any(fragment in text for fragment in fragments)


def rpc_error(error: object) -> RpcError:
    """What a node put into `error`, of any shape."""
    if not isinstance(error, Mapping):
        return RpcError(0, _shown(error))
    code, given = error.get("code"), error.get("data")
    message = _shown(error.get("message", ""))
    if isinstance(given, str) and (words := _HEX.sub("", given).strip()) and words.lower() not in message.lower():
        message = f"{message} {_shown(words)}".strip()  # OpenEthereum says "Bad instruction" there
    found = _bytes_in(given)
    if found is None:
        found = next((inner for name in _MEMBERS if (inner := _bytes_in(error.get(name))) is not None), None)
    plain = RpcError(code if type(code) is int else 0, message)
    if found is None and plain.is_revert:
        found = _bytes_in(error.get("message"))
    if found is None and plain.is_revert:
        found = _bare(given)
    return plain._replace(data=found or b"")


def undone_result(found: bytes) -> RpcError | None:
    """The revert that some nodes give as the result of a call; None for what a call really returns.

    Returned values are whole words, which a selector before them is not.
    """
    if len(found) % WORD == SELECTOR_BYTES and found[:SELECTOR_BYTES] in {ERROR_STRING, PANIC}:
        return RpcError(3, "execution reverted", found)
    return None


def _bytes_in(value: object) -> bytes | None:
    """The bytes in text like `0x08c379a0...` or `Reverted 0x08c379a0...`, or in objects around it; None: none."""
    for text in _texts(value, 0):
        for match in _HEX.finditer(text):
            raw = bytes.fromhex(match.group().lower().removeprefix("0x"))
            # What is shorter or of another length is an address, a hash or a number.
            if not raw or len(raw) % WORD == SELECTOR_BYTES:
                return raw
    return None


def _bare(value: object) -> bytes | None:
    """The bytes that a revert's text ends with, without 0x."""
    last = value.split()[-1:] if isinstance(value, str) else []
    return bytes.fromhex(last[0]) if last and _DIGITS.fullmatch(last[0]) else None


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < MAX_DEPTH:
        for inner in value:
            yield from _texts(inner, depth + 1)
    elif isinstance(value, Mapping) and depth < MAX_DEPTH:
        known: list[Any] = [value[name] for name in _MEMBERS if name in value]
        # Ganache's older versions key them by the hash of the transaction.
        known += [inner for name, inner in value.items() if name not in _MEMBERS and isinstance(inner, Mapping)]
        for inner in known:
            yield from _texts(inner, depth + 1)


def _shown(value: object) -> str:
    """Foreign words, as they may stand in a log."""
    text = value if isinstance(value, str) else "" if value is None else kind_of(value)
    return "".join(sign if sign.isprintable() else " " for sign in text[:MAX_WORDS])
