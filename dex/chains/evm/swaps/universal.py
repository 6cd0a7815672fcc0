"""The commands that make the UniversalRouter execute a route, and what such commands would do, read back.

The wallet's tokens come through Permit2. Source: npm @uniswap/universal-router 2.1.0, contracts/base/Dispatcher.sol
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from dex.chains.evm.abi.codec import Function, decode_exactly
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.swaps.plan import Step, steps_of
from dex.chains.evm.swaps.router_calls import ADDRESS_BYTES, FEE_BYTES, ROUTER_ITSELF, CallEffects, unwrapped
from dex.chains.evm.swaps.wrapping import Native
from dex.errors import BroadcastRejected
from dex.types import Side, SwapIntent

EXECUTE = Function("execute", ["bytes", "bytes[]", "uint256"])
# Source: contracts/libraries/Commands.sol
SELL_V3, BUY_V3, PULL, SWEEP, SELL_V2, BUY_V2, WRAP, UNWRAP = 0x00, 0x01, 0x02, 0x04, 0x08, 0x09, 0x0B, 0x0C
_V3, _V2 = ["address", "uint256", "uint256", "bytes", "bool"], ["address", "uint256", "uint256", "address[]", "bool"]
INPUTS: dict[int, list[str]] = {
    SELL_V3: _V3,
    BUY_V3: _V3,
    PULL: ["address", "address", "uint160"],
    SWEEP: ["address", "address", "uint256"],
    SELL_V2: _V2,
    BUY_V2: _V2,
    WRAP: ["address", "uint256"],
    UNWRAP: ["address", "uint256"],
}
# Stands for all that the router holds. Source: v4-periphery, src/libraries/ActionConstants.sol
ALL_OF_IT = 2**255

Command = tuple[int, tuple[Any, ...]]
Given = tuple[str, int, str]  # token that the wallet pays, how much at most, who gets what comes out


def commands_of(intent: SwapIntent, facts: Mapping[str, PoolFacts], native: Native) -> tuple[bytes, int]:
    """The bytes of one `execute` and the native atoms to send along. Raises: BroadcastRejected."""
    route, is_native_in, is_native_out = unwrapped(intent.route, native)
    most = intent.max_amount_in if intent.side is Side.EXACT_OUT else intent.route.amount_in
    if route.hops:
        plain = replace(intent, route=route)
        commands = _swaps(plain, steps_of(route, facts), is_native_in, is_native_out, native)
    elif is_native_in:
        commands = [(WRAP, (intent.wallet, most))]
    else:
        commands = [(PULL, (native.wrapped, ROUTER_ITSELF, most)), (UNWRAP, (intent.wallet, most))]
    if is_native_in and route.hops:
        commands.insert(0, (WRAP, (ROUTER_ITSELF, most)))
        if intent.side is Side.EXACT_OUT:
            commands.append((UNWRAP, (intent.wallet, 0)))
    inputs = [encode(INPUTS[command], arguments) for command, arguments in commands]
    return EXECUTE.call(bytes(command for command, _ in commands), inputs, intent.deadline), most if is_native_in else 0


def decode_effects(data: bytes, value: int) -> CallEffects:
    """What an `execute` of this module does. Raises: BroadcastRejected for any other bytes."""
    try:
        if data[:4] != EXECUTE.selector:
            raise BroadcastRejected("the call is not an execute with a deadline")
        codes, inputs, deadline = EXECUTE.arguments(data)
        if len(codes) != len(inputs):
            raise BroadcastRejected("the router is given other inputs than commands")
        read = [_read(code, given) for code, given in zip(codes, inputs, strict=True)]
    except KeyError as error:
        raise BroadcastRejected("the router is asked for what this engine never asks for") from error
    except (DecodingError, IndexError) as error:
        raise BroadcastRejected("the router's call cannot be read") from error
    tokens = {token for token, _, _ in read if token}
    recipients = {recipient for *_, recipient in read if recipient not in {"", ROUTER_ITSELF}}
    if len(recipients) != 1 or len(tokens) + bool(value) > 1:
        raise BroadcastRejected("the call pays from several tokens, or not one recipient")
    amount = value or sum(amount for _, amount, _ in read)
    return CallEffects(tokens.pop() if tokens else "", amount, recipients.pop(), deadline)


def _read(code: int, given: bytes) -> Given:
    """Raises: KeyError, DecodingError, IndexError for a path of no tokens."""
    return _READERS[code](*decode_exactly(INPUTS[code], given))


def _swaps(
    intent: SwapIntent, steps: Sequence[Step], is_native_in: bool, is_native_out: bool, native: Native
) -> list[Command]:
    is_bought = intent.side is Side.EXACT_OUT and all(step.is_first and step.is_last for step in steps)
    # What the plan promises is the least that may come out where the router cannot be told to buy exactly that.
    least = intent.min_amount_out if intent.side is Side.EXACT_IN else intent.route.amount_out
    is_direct = not is_native_out and (is_bought or sum(step.is_last for step in steps) == 1)
    recipient = intent.wallet if is_direct else ROUTER_ITSELF
    if is_bought:
        commands = [_buy(step, most, recipient, not is_native_in) for step, most in _shares(intent, steps)]
    else:
        commands = [_sell(step, least if is_direct else 0, recipient, not is_native_in) for step in steps]
    if is_native_out:
        commands.append((UNWRAP, (intent.wallet, least)))
    elif not is_direct:
        commands.append((SWEEP, (steps[-1].addresses[-1], intent.wallet, least)))
    return commands


def _sell(step: Step, least: int, recipient: str, is_from_wallet: bool) -> Command:
    amount = step.amount_in if step.is_first else ALL_OF_IT
    to, least = (recipient, least) if step.is_last else (ROUTER_ITSELF, 0)
    way = _path(step, step.addresses, step.pools) if step.is_v3 else step.addresses
    return SELL_V3 if step.is_v3 else SELL_V2, (to, amount, least, way, step.is_first and is_from_wallet)


def _buy(step: Step, most: int, recipient: str, is_from_wallet: bool) -> Command:
    way = _path(step, step.addresses[::-1], step.pools[::-1]) if step.is_v3 else step.addresses
    return BUY_V3 if step.is_v3 else BUY_V2, (recipient, step.amount_out, most, way, is_from_wallet)


def _path(step: Step, addresses: Sequence[str], pools: Sequence[PoolFacts]) -> bytes:
    """Tokens with the fee of the pool between each two."""
    fees = [facts.fee.to_bytes(FEE_BYTES, "big") for facts in pools]
    tokens = [bytes.fromhex(address[2:]) for address in addresses]
    return tokens[0] + b"".join(fee + token for fee, token in zip(fees, tokens[1:], strict=True))


def _shares(intent: SwapIntent, steps: Sequence[Step]) -> list[tuple[Step, int]]:
    """Divide what may be spent in all among the steps, as they were planned; the last one gets the rest."""
    most, planned = intent.max_amount_in, sum(step.amount_in for step in steps)
    parts = [most * step.amount_in // planned for step in steps[:-1]]
    return list(zip(steps, [*parts, most - sum(parts)], strict=True))


def _given(token: str, amount: int, to: str, is_from_wallet: bool) -> Given:
    return (token, amount, to) if is_from_wallet else ("", 0, to)


def _pull(token: str, to: str, amount: int) -> Given:
    return token, amount, to


_READERS: dict[int, Callable[..., Given]] = {
    SELL_V3: lambda to, amount, _, path, ours: _given("0x" + path[:ADDRESS_BYTES].hex(), amount, to, ours),
    BUY_V3: lambda to, _, most, path, ours: _given("0x" + path[-ADDRESS_BYTES:].hex(), most, to, ours),
    SELL_V2: lambda to, amount, _, path, ours: _given(path[0], amount, to, ours),
    BUY_V2: lambda to, _, most, path, ours: _given(path[0], most, to, ours),
    PULL: _pull,
    SWEEP: lambda token, to, least: ("", 0, to),
    WRAP: lambda to, amount: ("", 0, to),
    UNWRAP: lambda to, least: ("", 0, to),
}
