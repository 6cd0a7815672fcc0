"""A token whose `approve` refuses to change an allowance from one amount to another, and returns nothing.

Written here in the machine's own words, since no package brings a compiled one. It knows `approve`, `allowance` and
`balanceOf` (always 0); anything else reverts. Source of the rule: TetherToken.approve,
https://etherscan.io/token/0xdac17f958d2ee523a2206206994597c13d831ec7#code
"""

from dex.chains.evm.abi.codec import Function
from dex.chains.evm.abi.contracts import ALLOWANCE, APPROVE, BALANCE_OF

# Opcodes. Source: https://ethereum.github.io/yellowpaper/paper.pdf, appendix H.
NAMES = {
    "STOP": 0x00, "EQ": 0x14, "ISZERO": 0x15, "SHR": 0x1C, "SHA3": 0x20, "CALLER": 0x33, "CALLDATALOAD": 0x35,
    "CODECOPY": 0x39, "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "JUMPI": 0x57, "JUMPDEST": 0x5B, "DUP1": 0x80,
    "DUP2": 0x81, "SWAP1": 0x90, "RETURN": 0xF3, "REVERT": 0xFD, "OR": 0x17, "POP": 0x50,
    "ADD": 0x01, "MUL": 0x02, "JUMP": 0x56,
}  # fmt: skip
# Leaves the place of allowance(owner, spender) on the stack: the hash of both. What stands on the stack is the owner.
ALLOWANCE_PLACE = "0 MSTORE {spender_at} CALLDATALOAD 32 MSTORE 64 0 SHA3"


def usdt_like() -> bytes:
    """The bytes that deploy it."""
    runtime = assemble(
        f"0 CALLDATALOAD 224 SHR {_case(APPROVE, 'approve')} {_case(ALLOWANCE, 'allowance')} "
        f"{_case(BALANCE_OF, 'balance')} 0 0 REVERT "
        # approve(spender, amount): goes on where the amount is 0 or nothing was allowed before.
        f"approve: CALLER {ALLOWANCE_PLACE.format(spender_at=4)} "
        "DUP1 SLOAD ISZERO 36 CALLDATALOAD ISZERO OR @change JUMPI 0 0 REVERT "
        "change: 36 CALLDATALOAD SWAP1 SSTORE STOP "
        f"allowance: 4 CALLDATALOAD {ALLOWANCE_PLACE.format(spender_at=36)} SLOAD 0 MSTORE 32 0 RETURN "
        "balance: 0 0 MSTORE 32 0 RETURN"
    )
    # A constructor that returns what stands behind it.
    head_length = len(assemble("0 0 0 CODECOPY 0 0 RETURN"))
    head = assemble(f"{len(runtime)} {head_length} 0 CODECOPY {len(runtime)} 0 RETURN")
    assert len(head) == head_length
    return head + runtime


def assemble(text: str) -> bytes:
    """Opcodes by name, numbers and @labels pushed as two bytes (selectors as four), `label:` a place to jump to."""
    code, labels, uses = bytearray(), dict[str, int](), list[tuple[int, str]]()
    for word in text.split():
        if word.endswith(":"):
            labels[word[:-1]] = len(code)
            code.append(NAMES["JUMPDEST"])
        elif word.startswith("@"):
            uses.append((len(code) + 1, word[1:]))
            code += b"\x61\0\0"
        elif word.isdigit():
            value = int(word)
            length = 2 if value < 2**16 else 4
            code.append(0x5F + length)
            code += value.to_bytes(length, "big")
        else:
            code.append(NAMES[word])
    for at, label in uses:
        code[at : at + 2] = labels[label].to_bytes(2, "big")
    return bytes(code)


def _case(function: Function, label: str) -> str:
    return f"DUP1 {int.from_bytes(function.selector, 'big')} EQ @{label} JUMPI"
