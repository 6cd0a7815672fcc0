"""Permit2: wallets let it take a token once, and say there who may take how much of it through it, and until when.

Source: https://github.com/Uniswap/permit2/blob/main/src/AllowanceTransfer.sol
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dex.chains.evm.abi import contracts
from dex.chains.evm.abi.codec import Function

# The same on every chain. Source: https://github.com/Uniswap/permit2/blob/main/README.md
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
PERMIT2_APPROVE = Function("approve", ["address", "address", "uint160", "uint48"])
PERMIT2_ALLOWANCE = Function("allowance", ["address", "address", "address"], ["uint160", "uint48", "uint48"])


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a call of Permit2's `approve` allows: `spender` may take `amount` of a token until then (unix seconds)."""

    token: str
    spender: str
    amount: int
    expires_at: int


def approve_calls(token: str, router: str, amount: int, expires_at: int) -> list[tuple[str, bytes]]:
    """The two calls (contract, data) that let the router take up to `amount` atoms in all until then; 0: nothing."""
    return [
        (token, contracts.APPROVE.call(PERMIT2, amount)),
        (PERMIT2, PERMIT2_APPROVE.call(token, router, amount, expires_at)),
    ]


def decode_allowance(data: bytes) -> Allowance:
    """The allowance in such a call. Raises: eth_abi.exceptions.DecodingError."""
    return Allowance(*PERMIT2_APPROVE.arguments(data))


def usable(erc20: int, answer: bytes, now_s: float) -> int:
    """What the router may really take: the smaller of both, nothing once it has expired."""
    amount, expires_at, _ = PERMIT2_ALLOWANCE.result(answer)
    return min(erc20, int(amount)) if expires_at >= now_s else 0


def allowance_calls(wallet: str, tokens: Sequence[str], router: str) -> list[tuple[str, bytes]]:
    """For each token what Permit2 may take, then for each what the router may take through it."""
    return [
        *((token, contracts.ALLOWANCE.call(wallet, PERMIT2)) for token in tokens),
        *((PERMIT2, PERMIT2_ALLOWANCE.call(wallet, token, router)) for token in tokens),
    ]
