"""An order as its owner stated it, validated and typed: what `place` stores and `route` asks the engine."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

import orjson

from dex import FeeStrategy, Side, SwapRequest, Token
from orders.problems import Problem, UnreadableRow

# Of the stored form. Version 1 has no `v`, and states every default; all are read alike. Of version 3 are only terms on
# fees, and of version 4 those on the deviation from a reference price: earlier programs must not overlook them.
VERSION = 4


class UnreadableTerms(UnreadableRow):
    """Stored terms that this version of the program does not know: it must not guess what they limit."""


@dataclass(frozen=True, slots=True)
class SwapTerms:
    """The owner's limits and labels, kept beside the columns of an order; None or empty: not limited.

    Amounts are atoms; `max_network_fee` is of the chain's own token, the most that the order's swaps may cost in all.
    `allow` and `deny` are venues. `type_terms` are those of the order's own type, in the stored form that the type
    reads (order_types/base.py).
    """

    max_slippage_ppm: int
    max_price_impact_ppm: int | None = None
    min_amount_out: int | None = None
    max_amount_in: int | None = None
    max_quote_age_ms: int | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    deny_tokens: tuple[str, ...] = ()
    max_legs: int | None = None
    max_hops: int | None = None
    max_swaps: int | None = None
    fee_strategy: str = FeeStrategy.NORMAL.value
    max_network_fee: int | None = None
    max_deviation_ppm: int | None = None
    time_in_force: str = "ioc"
    tags: Mapping[str, str] = field(default_factory=dict)
    scenario: str = "none"
    type_terms: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The stored form: what is not the default, and the tags, which SQL reads. Amounts are text."""
        stored: dict[str, Any] = {"v": 2, "max_slippage_ppm": self.max_slippage_ppm}
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                stored[name] = str(value) if name in _AMOUNTS else value
                stored["v"] = max(stored["v"], _SINCE_VERSION.get(name, 2))
        return stored | {"tags": self.tags}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """From the stored form of this version or one before. Raises: UnreadableTerms."""
        values = dict(stored)
        version = values.pop("v", 1)
        if version not in range(1, VERSION + 1):
            detail = f"terms of version {version} are not read here: this program knows versions 1 to {VERSION}"
            raise UnreadableTerms(f"{detail}; run the program that stored them, or a later one")
        for name in _AMOUNTS:
            if values.get(name) is not None:
                values[name] = int(values[name])
        for name in _LISTS:
            if name in values:
                values[name] = tuple(values[name])
        try:
            return cls(**values)
        except TypeError as error:
            raise UnreadableTerms(f"stored terms do not have the fields of version {version}: {error}") from error


_AMOUNTS = ("min_amount_out", "max_amount_in", "max_network_fee")
_SINCE_VERSION = {"fee_strategy": 3, "max_network_fee": 3, "max_deviation_ppm": 4}
_LISTS = ("allow", "deny", "deny_tokens")
_DEFAULTS = {known.name: getattr(SwapTerms(0), known.name) for known in fields(SwapTerms)[1:]}


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that may be placed: validated, not yet stored. `amount` is atoms of the fixed side.

    `value` is what limits count it for, in micro-units (values.py), None where its token has no reference value;
    `unit_value_in` is the reference value of token_in, `native_value` that of `native`, the chain's own token; `stated`
    is the hash of the request (stated.py).
    """

    client_order_id: str | None
    chain_id: str
    order_type: str
    side: Side
    token_in: str
    token_out: str
    decimals_in: int
    decimals_out: int
    amount: int
    expires_at: datetime | None
    terms: SwapTerms
    value: int | None = None
    unit_value_in: int | None = None
    native: Token | None = None
    native_value: int | None = None
    stated: bytes = b""

    @property
    def native_decimals(self) -> int | None:
        """The exponent of the chain's own token."""
        return None if self.native is None else self.native.decimals

    def fingerprint(self) -> bytes:
        """SHA-256 over the terms as accepted, by which earlier versions knew a repeat."""
        stated = [
            self.chain_id,
            self.order_type,
            self.side,
            self.token_in,
            self.token_out,
            str(self.amount),
            self.expires_at and self.expires_at.isoformat(),
            _in_version_1(self.terms),
        ]
        return hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that would be refused now; it may have been accepted when it came first."""

    problem: Problem
    client_order_id: str | None = None
    stated: bytes = b""


def swap_request(
    token_in: str, token_out: str, side: str, amount: int, terms: SwapTerms, fee_paid: int | None = None
) -> SwapRequest:
    """The router's question for stored terms; `fee_paid` is what earlier attempts have cost.

    The reference price that `max_deviation_ppm` goes with is not among them: risk/deviation.py adds it.
    """
    return SwapRequest(
        token_in=token_in,
        token_out=token_out,
        side=Side(side),
        amount=amount,
        max_slippage_ppm=terms.max_slippage_ppm,
        max_price_impact_ppm=terms.max_price_impact_ppm,
        min_amount_out=terms.min_amount_out,
        max_amount_in=terms.max_amount_in,
        allow_venues=frozenset(terms.allow),
        deny_venues=frozenset(terms.deny),
        deny_tokens=frozenset(terms.deny_tokens),
        max_legs=terms.max_legs,
        max_hops=terms.max_hops,
        max_swaps=terms.max_swaps,
        fee_strategy=FeeStrategy(terms.fee_strategy),
        max_network_fee=fee_left(terms.max_network_fee, fee_paid),
        max_deviation_ppm=terms.max_deviation_ppm,
    )


def fee_left(most: int | None, paid: int | None) -> int | None:
    """Native atoms that swaps of an order may still cost: `most` less what its transactions have cost; None: any."""
    return None if most is None else max(0, most - (paid or 0))


def _in_version_1(terms: SwapTerms) -> dict[str, Any]:
    """The form in which version 1 stored terms: the defaults stated, but for limits of routes that were left out."""
    later = {"deny_tokens", "max_legs", "max_hops", "max_swaps", "type_terms", *_SINCE_VERSION}
    stored = terms.to_json()
    del stored["v"]
    return {name: default for name, default in _DEFAULTS.items() if name not in later} | stored
