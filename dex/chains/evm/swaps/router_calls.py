"""The calls that make SwapRouter02 execute a route, and what such calls would do, read back out of their bytes.

Source: https://github.com/Uniswap/swap-router-contracts/tree/v1.3.1/contracts
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from eth_abi.exceptions import DecodingError

from dex.chains.evm.abi import contracts
from dex.chains.evm.abi.codec import Function
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.swaps.plan import Step, steps_of
from dex.chains.evm.swaps.wrapping import Native
from dex.errors import BroadcastRejected
from dex.legs import without_wrapping
from dex.types import Route, Side, SwapIntent

# Stand-ins that the router replaces: itself as the recipient, and all it holds as the amount.
# Source: https://github.com/Uniswap/swap-router-contracts/blob/v1.3.1/contracts/libraries/Constants.sol
ROUTER_ITSELF = "0x0000000000000000000000000000000000000002"
ALL_OF_IT = 0
FEE_BYTES, ADDRESS_BYTES = 3, 20

Given = tuple[str, int, str]  # token that the wallet pays, how much at most, who gets the output


@dataclass(frozen=True, slots=True)
class CallEffects:
    """What a call of the router does with the wallet: gives at most `amount` of a token, and who gets the output."""

    token: str  # address, empty for the chain's own
    amount: int
    recipient: str
    deadline: int


def swap_calls(intent: SwapIntent, facts: Mapping[str, PoolFacts], native: Native) -> tuple[bytes, int]:
    """The bytes of one `multicall` and the native atoms to send along. Raises: BroadcastRejected."""
    route, is_native_in, is_native_out = unwrapped(intent.route, native)
    if not route.hops:
        calls = _wrap_calls(intent, is_native_in, native)
    else:
        steps = steps_of(route, facts)
        calls = _calls(replace(intent, route=route), steps, is_native_out, native)
    most = intent.max_amount_in if intent.side is Side.EXACT_OUT else intent.route.amount_in
    if is_native_in and intent.side is Side.EXACT_OUT:
        calls.append(contracts.REFUND.call())
    return contracts.MULTICALL.call(intent.deadline, calls), most if is_native_in else 0


def unwrapped(route: Route, native: Native) -> tuple[Route, bool, bool]:
    """The route without its hops between the native token and its wrapper; whether it began, ended with the native."""
    found = without_wrapping(route, native.symbol, native.wrapped_symbol)
    return found, route.token_in == native.symbol, route.token_out == native.symbol


def decode_effects(data: bytes, value: int) -> CallEffects:
    """What a `multicall` of this module does. Raises: BroadcastRejected for any other bytes."""
    deadline, read = read_multicall(data)
    recipients = {recipient for *_, recipient in read if recipient not in {"", ROUTER_ITSELF}}
    if len(recipients) != 1:
        raise BroadcastRejected("the call pays not one recipient")
    token, amount = given_in_all(read, value)
    return CallEffects(token, amount, recipients.pop(), deadline)


def read_multicall(data: bytes) -> tuple[int, list[Given]]:
    """A `multicall`'s deadline, and what each of its calls does. Raises: BroadcastRejected."""
    try:
        if data[:4] != contracts.MULTICALL.selector:
            raise BroadcastRejected("the call is not a multicall with a deadline")
        deadline, calls = contracts.MULTICALL.arguments(data)
        return deadline, [_READERS[call[:4]](call) for call in calls]
    except KeyError as error:
        raise BroadcastRejected("the router is asked for what this engine never asks for") from error
    except (DecodingError, IndexError) as error:
        raise BroadcastRejected("the router's call cannot be read") from error


def given_in_all(read: Sequence[Given], value: int) -> tuple[str, int]:
    """The one token that is given, empty for the chain's own, and how much. Raises: BroadcastRejected."""
    given = [(token, amount) for token, amount, _ in read if amount and token]
    tokens = {token for token, _ in given}
    if len(tokens) > 1:
        raise BroadcastRejected("the call pays from several tokens")
    amount = sum(amount for _, amount in given)
    return ("", max(value, amount)) if value else (tokens.pop() if tokens else "", amount)


def _calls(intent: SwapIntent, steps: Sequence[Step], is_native_out: bool, native: Native) -> list[bytes]:
    is_bought = intent.side is Side.EXACT_OUT and all(step.is_first and step.is_last for step in steps)
    # What the plan promises is the least that may come out where the router cannot be told to buy exactly that.
    least = intent.min_amount_out if intent.side is Side.EXACT_IN else intent.route.amount_out
    is_direct = not is_native_out and sum(step.is_last for step in steps) == 1
    recipient = intent.wallet if is_direct else ROUTER_ITSELF
    if is_bought:
        recipient = ROUTER_ITSELF if is_native_out else intent.wallet
        calls = [_buy(step, most, recipient) for step, most in _shares(intent.max_amount_in, steps)]
    else:
        calls = [
            sell_call(step, recipient, least if is_direct else 0) if step.is_last else sell_call(step, ROUTER_ITSELF, 0)
            for step in steps
        ]
    if is_native_out:
        calls.append(contracts.UNWRAP.call(least, intent.wallet))
    elif not is_direct and not is_bought:
        calls.append(contracts.SWEEP.call(steps[-1].addresses[-1], least, intent.wallet))
    return calls


def sell_call(step: Step, to: str, least: int) -> bytes:
    """The call that sells what the step begins with: the wallet's, or else all that the router holds of it."""
    amount = step.amount_in if step.is_first else ALL_OF_IT
    if step.is_v3:
        return contracts.SELL_V3.call((_path(step, step.addresses, step.pools), to, amount, least))
    return contracts.SELL_V2.call(amount, least, step.addresses, to)


def _buy(step: Step, most: int, recipient: str) -> bytes:
    if step.is_v3:
        path = _path(step, step.addresses[::-1], step.pools[::-1])
        return contracts.BUY_V3.call((path, recipient, step.amount_out, most))
    return contracts.BUY_V2.call(step.amount_out, most, step.addresses, recipient)


def _path(step: Step, addresses: Sequence[str], pools: Sequence[PoolFacts]) -> bytes:
    """Tokens with the fee of the pool between each two."""
    fees = [facts.fee.to_bytes(FEE_BYTES, "big") for facts in pools]
    tokens = [bytes.fromhex(address[2:]) for address in addresses]
    return tokens[0] + b"".join(fee + token for fee, token in zip(fees, tokens[1:], strict=True))


def _shares(most: int, steps: Sequence[Step]) -> list[tuple[Step, int]]:
    """Divide what may be spent in all among the steps, as they were planned; the last one gets the rest."""
    planned = sum(step.amount_in for step in steps)
    parts = [most * step.amount_in // planned for step in steps[:-1]]
    return list(zip(steps, [*parts, most - sum(parts)], strict=True))


def _wrap_calls(intent: SwapIntent, is_native_in: bool, native: Native) -> list[bytes]:
    """Nothing but wrapping or unwrapping."""
    amount = intent.route.amount_in
    if is_native_in:
        return [contracts.WRAP.call(amount), contracts.SWEEP.call(native.wrapped, amount, intent.wallet)]
    return [contracts.PULL.call(native.wrapped, amount), contracts.UNWRAP.call(amount, intent.wallet)]


def _read_sell_v2(call: bytes) -> Given:
    amount, _, path, to = contracts.SELL_V2.arguments(call)
    return path[0], amount, to


def _read_buy_v2(call: bytes) -> Given:
    _, most, path, to = contracts.BUY_V2.arguments(call)
    return path[0], most, to


def _read_sell_v3(call: bytes) -> Given:
    ((path, to, amount, _),) = contracts.SELL_V3.arguments(call)
    return "0x" + path[:ADDRESS_BYTES].hex(), amount, to


def _read_buy_v3(call: bytes) -> Given:
    ((path, to, _, most),) = contracts.BUY_V3.arguments(call)
    return "0x" + path[-ADDRESS_BYTES:].hex(), most, to


def _read_pull(call: bytes) -> Given:
    token, amount = contracts.PULL.arguments(call)
    return token, amount, ""


def _read_nothing(function: Function, call: bytes) -> Given:
    """Neither takes from the wallet nor pays anyone."""
    function.arguments(call)
    return "", 0, ""


_READERS: dict[bytes, Callable[[bytes], Given]] = {
    contracts.SELL_V2.selector: _read_sell_v2,
    contracts.BUY_V2.selector: _read_buy_v2,
    contracts.SELL_V3.selector: _read_sell_v3,
    contracts.BUY_V3.selector: _read_buy_v3,
    contracts.PULL.selector: _read_pull,
    contracts.SWEEP.selector: lambda call: ("", 0, contracts.SWEEP.arguments(call)[2]),
    contracts.UNWRAP.selector: lambda call: ("", 0, contracts.UNWRAP.arguments(call)[1]),
    contracts.WRAP.selector: lambda call: _read_nothing(contracts.WRAP, call),
    contracts.REFUND.selector: lambda call: _read_nothing(contracts.REFUND, call),
}
