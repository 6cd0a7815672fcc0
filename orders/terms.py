"""An order as its owner stated it, validated and typed: what `place` stores and `route` asks the engine."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from dex import Side, SwapRequest
from orders.problems import Problem


@dataclass(frozen=True, slots=True)
class Terms:
    """Accepted terms. `amount` is atoms of the fixed side; `extra` is the JSON kept beside the columns.

    `value` is what limits count it for, in micro-units (values.py), None where its token has no reference value;
    `unit_value_in` is the reference value of token_in; `stated` is the hash of the request (stated.py).

    `extra`: max_slippage_ppm, max_price_impact_ppm, min_amount_out, max_amount_in (atoms as strings),
    max_quote_age_ms, allow and deny (venue names), deny_tokens, max_legs, max_hops, max_swaps, time_in_force, tags,
    scenario.
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
    extra: Mapping[str, Any]
    value: int | None = None
    unit_value_in: int | None = None
    stated: bytes = b""

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
            self.extra,
        ]
        return hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that would be refused now; it may have been accepted when it came first."""

    problem: Problem
    client_order_id: str | None = None
    stated: bytes = b""


def swap_request(token_in: str, token_out: str, side: str, amount: int, extra: Mapping[str, Any]) -> SwapRequest:
    """The router's question for stored terms."""
    return SwapRequest(
        token_in=token_in,
        token_out=token_out,
        side=Side(side),
        amount=amount,
        max_slippage_ppm=extra["max_slippage_ppm"],
        max_price_impact_ppm=extra.get("max_price_impact_ppm"),
        min_amount_out=_int(extra.get("min_amount_out")),
        max_amount_in=_int(extra.get("max_amount_in")),
        allow_venues=frozenset(extra.get("allow", ())),
        deny_venues=frozenset(extra.get("deny", ())),
        deny_tokens=frozenset(extra.get("deny_tokens", ())),
        max_legs=extra.get("max_legs"),
        max_hops=extra.get("max_hops"),
        max_swaps=extra.get("max_swaps"),
    )


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)
