"""Leave for the router to take tokens of a wallet: what there is, and the calls that give it.

By default it is the token's own, for the deployment's router; with `universal_router` it goes through Permit2.
"""

import time
from collections.abc import Sequence

from dex.chains.evm import abi
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.permit2 import allowance_calls, leave_calls, usable
from dex.chains.evm.rpc import Call, Rpc

# Of one call. Measured: 26,000 to 46,000, more for tokens behind proxies.
APPROVAL_GAS = 150_000


def allowed(rpc: Rpc, options: EvmOptions, wallet: str) -> dict[str, int]:
    """Atoms of each token that the router may take. Raises: ChainUnavailable."""
    addresses = [token.address for token in options.tokens]
    if options.universal_router:
        answers = _asked(rpc, allowance_calls(wallet, addresses, options.router))
        taken, left = answers[: len(addresses)], answers[len(addresses) :]
        now_s = time.time()
        found = [usable(int.from_bytes(a, "big"), b, now_s) for a, b in zip(taken, left, strict=True)]
    else:
        data = abi.ALLOWANCE.call(wallet, options.router)
        found = [int.from_bytes(answer, "big") for answer in _asked(rpc, [(to, data) for to in addresses])]
    return {token.symbol: amount for token, amount in zip(options.tokens, found, strict=True)}


def approval_calls(options: EvmOptions, token: str, amount: int) -> list[tuple[str, bytes]]:
    """The calls (contract, data) that let the router take up to `amount` atoms of the token at this address in all."""
    if options.universal_router:
        return leave_calls(token, options.router, amount, int(time.time()) + options.leave_s)
    return [(token, abi.APPROVE.call(options.router, amount))]


def _asked(rpc: Rpc, calls: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """What contracts answer at the newest block."""
    asked: list[Call] = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in calls]
    return [bytes.fromhex(answer[2:]) for answer in rpc.results(asked)]
