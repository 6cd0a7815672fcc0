"""The names of the errors that the UniversalRouter and Permit2 undo a transaction with, which are no text.

Source: npm @uniswap/universal-router 2.1.0; https://github.com/Uniswap/permit2/tree/main/src
"""

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

WRAPPED = "ExecutionFailed(uint256,bytes)"
SIGNATURES = (
    "V2TooLittleReceived()",
    "V2TooMuchRequested()",
    "V3TooLittleReceived()",
    "V3TooMuchRequested()",
    "InsufficientToken()",
    "InsufficientETH()",
    "TransactionDeadlinePassed()",
    "AllowanceExpired(uint256)",
    "InsufficientAllowance(uint256)",
    WRAPPED,
)
_BY_SELECTOR = {keccak(signature.encode())[:4]: signature for signature in SIGNATURES}


def named(data: bytes) -> tuple[str, bytes] | None:
    """The error's name, and for one that wraps another that one's own bytes; None for what is none of these."""
    signature = _BY_SELECTOR.get(data[:4])
    if signature is None:
        return None
    inner = b""
    if signature == WRAPPED:
        try:
            inner = decode(["uint256", "bytes"], data[4:])[1]
        except DecodingError:
            return None
    return signature.partition("(")[0], inner
