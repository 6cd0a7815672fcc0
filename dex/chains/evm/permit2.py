"""Permit2: wallets let it take a token once, and say there who may take how much of it through it, and until when.

Source: https://github.com/Uniswap/permit2/blob/main/src/AllowanceTransfer.sol
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dex.chains.evm import abi
from dex.chains.evm.functions import Function

# The same on every chain. Source: https://github.com/Uniswap/permit2/blob/main/README.md
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
LET_TAKE = Function("approve", ["address", "address", "uint160", "uint48"])
ALLOWED = Function("allowance", ["address", "address", "address"], ["uint160", "uint48", "uint48"])


@dataclass(frozen=True, slots=True)
class Leave:
    """What a call of `approve` gives: `spender` may take so much of a token until a time (unix seconds)."""

    token: str
    spender: str
    amount: int
    expires: int


def leave_calls(token: str, router: str, amount: int, expires: int) -> list[tuple[str, bytes]]:
    """The two calls (contract, data) that let the router take up to `amount` atoms in all until then; 0: nothing."""
    return [
        (token, abi.APPROVE.call(PERMIT2, amount)),
        (PERMIT2, LET_TAKE.call(token, router, amount, expires)),
    ]


def leave_of(data: bytes) -> Leave:
    """What such a call gives. Raises: eth_abi.exceptions.DecodingError."""
    return Leave(*LET_TAKE.arguments(data))


def usable(erc20: int, answer: bytes, now_s: float) -> int:
    """What the router may really take: the smaller of both, nothing once it has expired."""
    amount, expires, _ = ALLOWED.result(answer)
    return min(erc20, int(amount)) if expires >= now_s else 0


def allowance_calls(wallet: str, tokens: Sequence[str], router: str) -> list[tuple[str, bytes]]:
    """For each token what Permit2 may take, then for each what the router may take through it."""
    return [
        *((token, abi.ALLOWANCE.call(wallet, PERMIT2)) for token in tokens),
        *((PERMIT2, ALLOWED.call(wallet, token, router)) for token in tokens),
    ]
