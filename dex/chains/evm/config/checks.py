"""What a chain of the operator's file must be before the engine starts on it: types, ranges, no name for two things."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dex.chains.evm.config.addresses import parse_address
from dex.chains.evm.config.deployments import Deployment, Fork
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.transactions.data_fees import ROLLUPS

# As the API takes token names.
SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+$\-]{0,31}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
HASH = re.compile(r"0x[0-9a-fA-F]{64}")
MAX_DECIMALS = 36
MAX_ATOMS = 2**63 - 1
PPM = 1_000_000
MOST_BLOCKS = 100_000
DAY_S = 86_400.0
# Below the 20 s after which a worker's task is ended.
MAX_DEADLINE_S = 14.0
OPTIONAL_CONTRACTS = ("factory_v2", "factory_v3", "quoter", "multicall", "pool_deployer", "batch_account")
# An approval that ends by itself is signed for no longer.
MAX_ALLOWANCE_S = 31 * 86_400


class FieldError(ValueError):
    """A value that does not fit; the message names the field."""


def check_token(token: ListedToken) -> None:
    """Raises: FieldError."""
    _check("symbol", token.symbol, _matches(SYMBOL, "1 to 32 of A-Z a-z 0-9 . _ + $ -"))
    _check("name", token.name, _is_text)
    _check("decimals", token.decimals, _whole(0, MAX_DECIMALS))
    _check("address", token.address, _address)
    if token.value is not None:
        _check("value", token.value, _whole(0, 10**30))


def check_tokens(tokens: Iterable[ListedToken], native_symbol: str) -> None:
    """Each symbol and each address stands for one token, and none for the chain's own coin. Raises: FieldError."""
    by_symbol: dict[str, str] = {}
    by_address: dict[str, str] = {}
    for token in tokens:
        if token.symbol.lower() == native_symbol.lower():
            raise FieldError(f"{token.symbol} is the chain's own coin: list its wrapped token by another symbol")
        if (other := by_symbol.setdefault(token.symbol.lower(), token.symbol)) != token.symbol:
            raise FieldError(f"{other} and {token.symbol} differ by case alone")
        if (other := by_address.setdefault(token.address, token.symbol)) != token.symbol:
            raise FieldError(f"{other} and {token.symbol} are one contract, {token.address}")


def check_options(given: Mapping[str, Any]) -> None:
    """Raises: FieldError."""
    for name, value in given.items():
        _check(name, value, OPTION_CHECKS[name])


def check_deployment(deployment: Deployment) -> None:
    """Raises: FieldError."""
    for name, check in CONTRACT_CHECKS.items():
        _check(name, getattr(deployment, name), check)


def check_fork(fork: Fork) -> None:
    """Raises: FieldError."""
    for name, check in FORK_CHECKS.items():
        _check(name, getattr(fork, name), check)


def check_texts(given: object, name: str) -> None:
    """Raises: FieldError."""
    if not isinstance(given, list) or not all(isinstance(text, str) and text.strip() for text in given):
        raise FieldError(f"{name} must be a list of texts")


Check = Callable[[Any], None]


def _check(name: str, value: object, check: Check) -> None:
    try:
        check(value)
    except ValueError as error:
        raise FieldError(f"{name}: {error}") from error


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{value!r} is no whole number from {least} to {most}")

    return check


def _seconds(least: float, most: float, *, may_be_least: bool) -> Check:
    def check(value: Any) -> None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not least <= value <= most or (value == least and not may_be_least):
            raise ValueError(
                f"{value!r} is no number of seconds {'from' if may_be_least else 'above'} {least:g} up to {most:g}"
            )

    return check


def _matches(pattern: re.Pattern[str], words: str) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise ValueError(f"{value!r} is not {words}")

    return check


def _is_text(value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")


def _is_switch(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")


def _address(value: Any) -> None:
    parse_address(value)


def _address_or_none(value: Any) -> None:
    if value != "":
        parse_address(value)


def _rollup(value: Any) -> None:
    if value not in ("", *ROLLUPS):
        raise ValueError(f"{value!r} is none of {', '.join(ROLLUPS)}")


def _fees(value: Any) -> None:
    if not isinstance(value, tuple) or not value:
        raise ValueError(f"{value!r} is no list of fees")
    for fee in value:
        _whole(0, PPM - 1)(fee)


_HASH = _matches(HASH, "a hash: 0x and 64 hexadecimal digits")
_VENUE = _matches(NAME, "a name: a-z 0-9 _")
OPTION_CHECKS: Mapping[str, Check] = {
    "confirmations": _whole(1, MOST_BLOCKS),
    "has_finality_tag": _is_switch,
    "block_s": _seconds(0, DAY_S, may_be_least=True),
    "snapshot_s": _seconds(0, DAY_S, may_be_least=True),
    "discovery_s": _seconds(0, 365 * DAY_S, may_be_least=False),
    "timeout_s": _seconds(0, 600, may_be_least=False),
    "deadline_s": _seconds(0, MAX_DEADLINE_S, may_be_least=False),
    "max_batch": _whole(1, 100_000),
    "max_fee": _whole(1, MAX_ATOMS),
    "min_priority_fee": _whole(0, MAX_ATOMS),
    "max_priority_fee": _whole(0, MAX_ATOMS),
    "cancellation_gas": _whole(21_000, 30_000_000),
    "min_native": _whole(0, 10**30),
    "universal_router": _address_or_none,
    "allowance_ttl_s": _whole(1, MAX_ALLOWANCE_S),
}
CONTRACT_CHECKS: Mapping[str, Check] = {
    "chain_id": _whole(1, 2**53),
    "native_symbol": _matches(SYMBOL, "1 to 32 of A-Z a-z 0-9 . _ + $ -"),
    "venue_v2": _VENUE,
    "venue_v3": _VENUE,
    "v2_fee": _whole(0, PPM - 1),
    "v3_fees": _fees,
    "v2_init_code_hash": _HASH,
    "v3_init_code_hash": _HASH,
    "extra_gas": _whole(0, 30_000_000),
    "data_fee": _rollup,
    "source": _is_text,
    **dict.fromkeys(("wrapped_native", "router"), _address),
    **dict.fromkeys(OPTIONAL_CONTRACTS, _address_or_none),
}
FORK_CHECKS: Mapping[str, Check] = {
    "venue": _VENUE,
    "factory": _address,
    "router": _address,
    "fee": _whole(0, PPM - 1),
    "init_code_hash": _HASH,
}
