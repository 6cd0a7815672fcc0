"""Calls are read in the one way in which they are written; words and transactions are those of the libraries."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import rlp
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from dex.chains.evm.abi import contracts
from dex.chains.evm.abi.codec import Event, Function, decode_exactly
from dex.chains.evm.abi.words import Words
from dex.chains.evm.answers import Log
from dex.chains.evm.config.deployments import DEPLOYMENTS
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.swaps.effects import payload_summarizer
from dex.chains.evm.swaps.router_calls import decode_effects
from dex.chains.evm.transactions.transaction import Envelope, read_envelope
from dex.errors import BroadcastRejected
from dex.signers import CancellationSummary
from dex.types import Fees

WALLET, OTHER_TOKEN = "0x" + "11" * 20, "0x" + "22" * 20
OPTIONS = EvmOptions(DEPLOYMENTS["base"], ("http://127.0.0.1:9",), ())
KINDS = ("uint256", "uint128", "uint24", "int256", "int24", "int16", "address")


def some(dice: random.Random, kind: str) -> object:
    if kind == "address":
        return "0x" + dice.randbytes(20).hex()
    bits = int(kind.lstrip("uint"))
    least, most = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return dice.choice((least, most, 0, dice.randint(least, most)))


def some_swap(dice: random.Random, function: Function) -> tuple[object, ...]:
    one, other, recipient = (some(dice, kind) for kind in ("uint256", "uint256", "address"))
    if function in {contracts.SELL_V2, contracts.BUY_V2}:
        return one, other, tuple(some(dice, "address") for _ in range(dice.randrange(5))), recipient
    return ((dice.randbytes(dice.randrange(100)), recipient, one, other),)


def test_words_are_those_of_the_library() -> None:
    dice = random.Random(5)
    for _ in range(200):
        kinds = dice.choices(KINDS, k=dice.randrange(1, 6))
        values = tuple(some(dice, kind) for kind in kinds)
        packed = encode(kinds, values)

        assert Words(kinds).unpack(packed + dice.randbytes(7)) == decode(kinds, packed) == values


@pytest.mark.parametrize(("kind", "value"), [("uint24", 2**24), ("uint8", -1), ("int24", 2**23), ("address", "0x12")])
def test_what_does_not_fit_its_kind_is_refused(kind: str, value: object) -> None:
    with pytest.raises(EncodingError):
        Function("f", [kind]).call(value)
    for raw in ((2**255).to_bytes(32, "big"), bytes(31)):
        with pytest.raises(DecodingError):
            Words([kind]).unpack(raw)
        with pytest.raises(DecodingError):
            decode_exactly([kind], raw)


def test_what_is_called_is_read_again() -> None:
    dice = random.Random(6)
    for function in (contracts.SELL_V2, contracts.BUY_V2, contracts.SELL_V3, contracts.BUY_V3) * 50:
        given = some_swap(dice, function)

        call = function.call(*given)

        assert function.arguments(call) == given
        for wrong in (call + b"\0", call + bytes(32), call[:-1], bytes(4) + call[4:], call[4:]):
            with pytest.raises(DecodingError):
                function.arguments(wrong)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


TEXTS = ["uint256", "bytes", "bytes"]
ONE, OTHER = word(2) + b"ab" + bytes(30), word(2) + b"cd" + bytes(30)
CANONICAL = word(7) + word(96) + word(160) + ONE + OTHER
# Each of them is another way to write values, that the ABI's library reads without complaint.
LOOSE = {
    "bytes behind the end": CANONICAL + bytes(32),
    "values in another order": word(7) + word(160) + word(96) + OTHER + ONE,
    "a gap between the values": word(7) + word(96) + word(192) + ONE + bytes(32) + OTHER,
    "two places that are one": word(7) + word(96) + word(96) + ONE,
    "a value inside another one": word(7) + word(96) + word(128) + word(64) + ONE,
}


@pytest.mark.parametrize("raw", LOOSE.values(), ids=list(LOOSE))
def test_values_written_in_another_way_are_not_read(raw: bytes) -> None:
    assert decode_exactly(TEXTS, CANONICAL) == (7, b"ab", b"cd")
    number, _, _ = decode(TEXTS, raw)
    assert number == 7

    with pytest.raises(DecodingError):
        decode_exactly(TEXTS, raw)


def test_padding_is_zeros() -> None:
    for place in (CANONICAL.index(b"ab") + 2, len(CANONICAL) - 1):
        with pytest.raises(DecodingError):
            decode_exactly(TEXTS, CANONICAL[:place] + b"\1" + CANONICAL[place + 1 :])


def test_more_bytes_than_a_transaction_has_are_not_decoded() -> None:
    """Thousands of places that all name one long value would take gigabytes."""
    count = 50_000
    bomb = word(32) + word(count) + word(32 * count) * count + word(2_000_000) + bytes(2_000_000)

    with pytest.raises(DecodingError, match="more than a transaction has"):
        decode_exactly(["bytes[]"], bomb)


@pytest.mark.parametrize(
    "call",
    [
        contracts.SELL_V2.call(5, 1, [], WALLET),
        contracts.WRAP.call(5) + b"\0",
        contracts.REFUND.call() + bytes(32),
        contracts.WRAP.selector,
        contracts.SELL_V2.selector,
        b"",
    ],
)
def test_a_router_is_called_as_this_engine_calls_it(call: bytes) -> None:
    swap = contracts.SELL_V2.call(5, 1, [WALLET, OTHER_TOKEN], WALLET)
    assert decode_effects(contracts.MULTICALL.call(1_000, [swap]), 0).amount == 5

    with pytest.raises(BroadcastRejected):
        decode_effects(contracts.MULTICALL.call(1_000, [swap, call]), 0)


def test_only_the_bytes_of_a_call_itself_are_read_as_one() -> None:
    dice = random.Random(8)
    wallet, token, other = (str(some(dice, "address")) for _ in range(3))
    path = bytes.fromhex(token[2:]) + bytes(3) + bytes.fromhex(other[2:])
    swaps = [contracts.SELL_V3.call((path, wallet, 7, 1)), contracts.SELL_V2.call(5, 1, [token, other], wallet)]
    data = contracts.MULTICALL.call(1_000, swaps)
    read = 0
    for place in range(len(data)):
        for bit in range(8):
            changed = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            try:
                decode_effects(changed, 0)
            except BroadcastRejected:
                continue
            read += 1
            # It says something else, and is the one way to say that: no byte that is not read.
            assert contracts.MULTICALL.arguments(changed) != contracts.MULTICALL.arguments(data)
            assert contracts.MULTICALL.call(*contracts.MULTICALL.arguments(changed)) == changed
    assert read
    for wrong in (data + bytes(32), data[:-32], data[:-1], data[:100], data[:4], data + b"\0"):
        with pytest.raises(BroadcastRejected):
            decode_effects(wrong, 0)


def test_a_length_out_of_proportion_is_refused_at_once() -> None:
    huge = word(2**255)
    for function, data in (
        (contracts.MULTICALL, word(0) + word(64) + huge),
        (contracts.SELL_V2, bytes(128) + huge),
        (contracts.SELL_V3, bytes(160) + huge),
        (contracts.SELL_V3, huge),
        (contracts.EXECUTE_BATCH, word(32) + huge),
    ):
        with pytest.raises(DecodingError):
            function.arguments(function.selector + data)


def test_events_are_read_as_the_library_does() -> None:
    dice = random.Random(9)
    event = Event("Mixed(address,int24,uint256,int256)", ["address", "int24"], ["uint256", "int256"])
    for _ in range(50):
        values = tuple(some(dice, kind) for kind in ("address", "int24", "uint256", "int256"))
        indexed = [
            "0x" + encode([kind], [value]).hex() for kind, value in zip(("address", "int24"), values, strict=False)
        ]
        log = Log("0x", (event.topic, *indexed), encode(["uint256", "int256"], values[2:]), 0, 0)

        assert (*event.topics(log), *event.data(log)) == values


OTHER_FIELDS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "a nonce with a zero before it": lambda fields: [*fields[:1], b"\0\7", *fields[2:]],
    "a signature": lambda fields: [*fields, b"", b"\1", b"\1"],
    "a list as data": lambda fields: [*fields[:7], [b"data"], []],
    "a list as the recipient": lambda fields: [*fields[:5], [], *fields[6:]],
    "an access list": lambda fields: [*fields[:8], [[b"\1" * 20, []]]],
    "a field less": lambda fields: fields[:8],
}


@pytest.mark.parametrize("change", OTHER_FIELDS.values(), ids=list(OTHER_FIELDS))
def test_a_payload_that_is_written_in_another_way_is_not_summarized(
    change: Callable[[list[Any]], list[Any]],
) -> None:
    summarize = payload_summarizer(OPTIONS)
    envelope = Envelope(8453, 7, Fees(10, 1), 21_000, WALLET, 0, b"")
    fields = rlp.decode(envelope.payload()[1:])
    assert summarize(envelope.payload()) == CancellationSummary("eip155:8453", WALLET, 210_000)

    for payload in (b"\2" + rlp.encode(change(fields)), envelope.payload() + b"\0", envelope.payload()[:-1]):
        with pytest.raises(BroadcastRejected):
            summarize(payload)


def test_transactions_are_packed_as_the_library_does() -> None:
    dice = random.Random(10)
    for size in (0, 1, 1, 54, 55, 56, 255, 256, 257, 70_000, *(dice.randrange(2_000) for _ in range(50))):
        numbers = [dice.choice((0, 1, 127, 128, dice.randrange(2**62))) for _ in range(6)]
        chain_id, nonce, tip, max_fee, gas, value = numbers
        to, data = dice.randbytes(20), dice.randbytes(size)
        envelope = Envelope(chain_id, nonce, Fees(max_fee, tip), gas, "0x" + to.hex(), value, data)
        signature = bytes(dice.choice((0, 3))) + dice.randbytes(65)
        signature = signature[:64] + bytes([dice.randrange(2)])
        signed_by = [signature[64], *(int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))]
        fields = [chain_id, nonce, tip, max_fee, gas, to, value, data, []]

        assert envelope.payload() == b"\x02" + rlp.encode(fields)
        assert envelope.signed(signature) == b"\x02" + rlp.encode([*fields, *signed_by])
        assert read_envelope(envelope.payload()) == read_envelope(envelope.signed(signature)) == envelope
