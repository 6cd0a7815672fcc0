"""What nodes answer, checked once where it comes in: each method has a reader that makes a typed value or refuses.

No other module looks at the JSON of a node. An answer that does not fit counts as none.
Source: https://ethereum.github.io/execution-apis
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from eth_hash.auto import keccak

from dex.chains.evm.fields import (
    MAX_COUNT,
    MAX_TIME_S,
    BadAnswer,
    address,
    data,
    hash32,
    items,
    members,
    quantity,
)

Params = Sequence[Any]
MAX_TOPICS = 4
MAX_GAS = (1 << 64) - 1
# Of one unit of gas, and of a transaction's data on the chain below, in wei: 18 and 79 billion whole native tokens.
MAX_GAS_PRICE, MAX_DATA_FEE = (1 << 64) - 1, (1 << 96) - 1


class Block(NamedTuple):
    """The header of a block: its number, hash and unix seconds."""

    number: int
    hash: str
    time: int


class Log(NamedTuple):
    """One event: address and topics in lower case; `place` is that in its block, or in its receipt."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    block_number: int
    place: int

    @property
    def topic(self) -> str:
        """The event's own topic; empty for an anonymous one."""
        return self.topics[0] if self.topics else ""


class NodeReceipt(NamedTuple):
    """A node's receipt of an included transaction. `reason` is the revert's bytes, where the node tells them.

    `gas_price` is what each unit of gas cost in wei, base fee and tip together. `data_fee` is what an OP stack chain
    took beside the gas, in wei; None where the node names none. `is_fee_agreed`: enough nodes
    state the same cost.
    """

    tx_hash: str
    block_number: int
    block_hash: str
    is_success: bool
    gas_used: int
    gas_price: int
    logs: tuple[Log, ...]
    reason: bytes = b""
    data_fee: int | None = None
    is_fee_agreed: bool = False

    @property
    def fee_paid(self) -> int:
        """What was taken from the wallet for it, in wei; without a data fee that the node does not name."""
        return self.gas_used * self.gas_price + (self.data_fee or 0)


class SentTransaction(NamedTuple):
    """A transaction as a node has it; `to` is empty for one that creates a contract."""

    sender: str
    to: str
    gas: int
    value: int
    data: bytes


class FeeHistory(NamedTuple):
    """Base fees of blocks, the next one's last, and the tips of each block at the percentiles asked for."""

    base_fees: tuple[int, ...]
    tips: tuple[tuple[int, ...], ...]


def read_answer(method: str, params: Params, result: object) -> Any:
    """The typed value of a result. Raises: BadAnswer.

    A method without a reader is none of this engine's questions; its result passes as it is.
    """
    reader = READERS.get(method)
    return result if reader is None else reader(params, result)


def _count(_: Params, result: object) -> int:
    return quantity(result, MAX_COUNT)


def _amount(_: Params, result: object) -> int:
    return quantity(result)


def _bytes(_: Params, result: object) -> bytes:
    return data(result)


def _block(_: Params, result: object) -> Block | None:
    """None where there is none of that number or tag. Whether it is the right one is seen by its hash."""
    if result is None:
        return None
    number, hash_, time = members(result, "number", "hash", "timestamp")
    return Block(quantity(number, MAX_COUNT), hash32(hash_), quantity(time, MAX_TIME_S))


def _receipt(params: Params, result: object) -> NodeReceipt | None:
    """None while it is in no block, which some nodes say by a receipt without one."""
    if result is None:
        return None
    names = ("transactionHash", "blockNumber", "blockHash", "status", "gasUsed", "logs")
    tx_hash, number, block_hash, status, used, logs = members(result, *names)
    _same(hash32(tx_hash), params[0])
    if number is None and block_hash is None:
        return None
    block_number = quantity(number, MAX_COUNT)
    read = tuple(_log(log, block_number, place) for place, log in enumerate(items(logs)))
    is_success = quantity(status, 1) == 1
    more = result if isinstance(result, Mapping) else {}
    reason, data_fee = more.get("revertReason"), more.get("l1Fee")  # of Besu; of the OP stack
    return NodeReceipt(
        params[0],
        block_number,
        hash32(block_hash),
        is_success,
        quantity(used, MAX_GAS),
        quantity(more.get("effectiveGasPrice"), MAX_GAS_PRICE),
        read,
        data(reason) if isinstance(reason, str) and reason.startswith("0x") else b"",
        None if data_fee is None else quantity(data_fee, MAX_DATA_FEE),
    )


def _log(log: object, block_number: int, place: int) -> Log:
    emitter, topics, content = members(log, "address", "topics", "data")
    read = tuple(hash32(topic) for topic in items(topics))
    if len(read) > MAX_TOPICS:
        raise BadAnswer(f"a log of {len(read)} topics")
    return Log(address(emitter), read, data(content), block_number, place)


def _logs(params: Params, result: object) -> tuple[Log, ...]:
    """In their order on the chain. Those that were not asked for are refused: the answer is another question's."""
    (wanted,) = params
    first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
    emitters, found = set(wanted["address"]), []
    for item in items(result):
        number, place = members(item, "blockNumber", "logIndex")
        log = _log(item, quantity(number, MAX_COUNT), quantity(place, MAX_COUNT))
        if log.address not in emitters or not first <= log.block_number <= last:
            raise BadAnswer("logs that were not asked for")
        if isinstance(item, Mapping) and item.get("removed"):
            raise BadAnswer("logs of a block that is gone")
        found.append(log)
    if len({(log.block_number, log.place) for log in found}) != len(found):
        raise BadAnswer("one log twice")
    return tuple(sorted(found, key=lambda log: (log.block_number, log.place)))


def _sent(params: Params, result: object) -> SentTransaction | None:
    if result is None:
        return None
    names = ("hash", "from", "to", "gas", "value", "input")
    tx_hash, sender, to, gas, value, content = members(result, *names)
    _same(hash32(tx_hash), params[0])
    recipient = "" if to is None else address(to)
    return SentTransaction(address(sender), recipient, quantity(gas, MAX_GAS), quantity(value), data(content))


def _fees(params: Params, result: object) -> FeeHistory:
    (base,) = members(result, "baseFeePerGas")
    fees = tuple(quantity(fee) for fee in items(base))
    if not fees:
        raise BadAnswer("no base fee")
    tips = result.get("reward") if isinstance(result, Mapping) else None
    rows = [items(row) for row in ([] if tips is None else items(tips))]
    if any(row and len(row) != len(params[2]) for row in rows):
        raise BadAnswer("tips at other percentiles than were asked for")
    return FeeHistory(fees, tuple(tuple(quantity(tip) for tip in row) for row in rows))


def _accepted(params: Params, result: object) -> str:
    """The hash of sent bytes, which is known beforehand."""
    tx_hash = hash32(result)
    _same(tx_hash, "0x" + keccak(bytes.fromhex(params[0][2:])).hex())
    return tx_hash


def _same(found: str, asked: str) -> None:
    if found != asked.lower():
        raise BadAnswer("something about another transaction")


READERS: Mapping[str, Callable[[Params, object], Any]] = {
    "eth_chainId": _amount,
    "eth_blockNumber": _count,
    "eth_getBlockByNumber": _block,
    "eth_getTransactionCount": _count,
    "eth_getBalance": _amount,
    "eth_getCode": _bytes,
    "eth_call": _bytes,
    "eth_estimateGas": _count,
    "eth_feeHistory": _fees,
    "eth_getLogs": _logs,
    "eth_getTransactionReceipt": _receipt,
    "eth_getTransactionByHash": _sent,
    "eth_sendRawTransaction": _accepted,
}
