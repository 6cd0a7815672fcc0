"""Addresses as people write them, checked and brought to the form that the engine compares: lower case."""

import re

from eth_hash.auto import keccak

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
ZERO = "0x" + "0" * 40


def parse_address(text: object) -> str:
    """The address in lower case. Raises: ValueError in words that name what is wrong, never for a valid one.

    In mixed case its letters are a checksum. Source: https://eips.ethereum.org/EIPS/eip-55
    """
    if not isinstance(text, str) or ADDRESS.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no address: 0x and 40 hexadecimal digits")
    lower = text.lower()
    if lower == ZERO:
        raise ValueError("the zero address stands for no contract")
    if text[2:] not in {lower[2:], text[2:].upper()} and text != with_checksum(lower):
        raise ValueError(f"{text} is mistyped: its capital letters do not fit the digits (EIP-55)")
    return lower


def with_checksum(address: str) -> str:
    """The same address with its checksum in the case of its letters."""
    digits = address[2:].lower()
    # One hexadecimal digit of the hash for each of the address.
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False)
    )
