"""What is packed and read by hand is what the libraries of the ABI and of RLP make of it, and nothing else is read."""

import random

import pytest
import rlp
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, ValueOutOfBounds

from dex.chains.evm import abi
from dex.chains.evm.answers import Log
from dex.chains.evm.functions import Event, Function
from dex.chains.evm.router_calls import deeds_of
from dex.chains.evm.transaction import Envelope, read_envelope
from dex.chains.evm.words import Words
from dex.errors import BroadcastRejected
from dex.types import Fees

KINDS = ("uint256", "uint128", "uint24", "int256", "int24", "int16", "address")


def some(dice: random.Random, kind: str) -> object:
    if kind == "address":
        return "0x" + dice.randbytes(20).hex()
    bits = int(kind.lstrip("uint"))
    least, most = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return dice.choice((least, most, 0, dice.randint(least, most)))


def some_swap(dice: random.Random, function: Function) -> tuple[object, ...]:
    one, other, recipient = (some(dice, kind) for kind in ("uint256", "uint256", "address"))
    if function in {abi.SELL_V2, abi.BUY_V2}:
        return one, other, tuple(some(dice, "address") for _ in range(dice.randrange(5))), recipient
    return ((dice.randbytes(dice.randrange(100)), recipient, one, other),)


def test_words_are_those_of_the_library() -> None:
    dice = random.Random(5)
    for _ in range(200):
        kinds = dice.choices(KINDS, k=dice.randrange(1, 6))
        values = tuple(some(dice, kind) for kind in kinds)

        packed = Words(kinds).pack(values)

        assert packed == encode(kinds, values)
        assert Words(kinds).unpack(packed + dice.randbytes(7)) == decode(kinds, packed) == values


@pytest.mark.parametrize(("kind", "value"), [("uint24", 2**24), ("uint8", -1), ("int24", 2**23), ("address", "0x12")])
def test_what_does_not_fit_its_kind_is_refused(kind: str, value: object) -> None:
    with pytest.raises(ValueOutOfBounds):
        Words([kind]).pack([value])
    for raw in ((2**255).to_bytes(32, "big"), bytes(31)):
        with pytest.raises(DecodingError):
            Words([kind]).unpack(raw)


def test_swaps_are_packed_and_read_as_the_library_does() -> None:
    dice = random.Random(6)
    for function in (abi.SELL_V2, abi.BUY_V2, abi.SELL_V3, abi.BUY_V3) * 50:
        given = some_swap(dice, function)

        call = function.call(*given)

        assert call == function.selector + encode(function.inputs, given)
        assert function.arguments(call) == decode(function.inputs, call[4:]) == given


def test_calls_with_a_deadline_are_packed_and_read_as_the_library_does() -> None:
    dice = random.Random(7)
    for _ in range(100):
        given = (some(dice, "uint256"), tuple(dice.randbytes(dice.randrange(150)) for _ in range(dice.randrange(6))))

        call = abi.MULTICALL.call(*given)

        assert call == abi.MULTICALL.selector + encode(abi.MULTICALL.inputs, given)
        assert abi.MULTICALL.arguments(call) == decode(abi.MULTICALL.inputs, call[4:]) == given


def test_only_the_bytes_of_a_call_itself_are_read_as_one() -> None:
    dice = random.Random(8)
    wallet, token, other = (str(some(dice, "address")) for _ in range(3))
    path = bytes.fromhex(token[2:]) + bytes(3) + bytes.fromhex(other[2:])
    swaps = [abi.SELL_V3.call((path, wallet, 7, 1)), abi.SELL_V2.call(5, 1, [token, other], wallet)]
    data = abi.MULTICALL.call(1_000, swaps)
    read = 0
    for place in range(len(data)):
        for bit in range(8):
            changed = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            try:
                deeds_of(changed, 0)
            except BroadcastRejected:
                continue
            read += 1
            # It says something else, and is the one way to say that: no byte that nobody reads.
            assert abi.MULTICALL.arguments(changed) != abi.MULTICALL.arguments(data)
            assert abi.MULTICALL.call(*abi.MULTICALL.arguments(changed)) == changed
    assert read
    for wrong in (data + bytes(32), data[:-32], data[:-1], data[:100], data[:4], data + b"\0"):
        with pytest.raises(BroadcastRejected):
            deeds_of(wrong, 0)


def test_a_length_out_of_proportion_is_refused_at_once() -> None:
    word = (2**255).to_bytes(32, "big")
    for call in (
        abi.MULTICALL.selector + bytes(32) + (64).to_bytes(32, "big") + word,
        abi.SELL_V2.selector + bytes(128) + word,
        abi.SELL_V3.selector + bytes(160) + word,
    ):
        function = next(f for f in (abi.MULTICALL, abi.SELL_V2, abi.SELL_V3) if f.selector == call[:4])
        with pytest.raises(DecodingError):
            function.arguments(call)


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
