"""From validated fields to a typed order: token units become atoms, names are checked against what exists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from dex import FeeStrategy, Side
from dex import Token as NativeToken
from orders.amounts import bps_to_ppm, parse_units
from orders.api.stated import scenario, time_in_force
from orders.models import Token
from orders.order_types import ORDER_TYPES, read_type_terms
from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import ScalarError, shown
from orders.terms import NewOrder, SwapTerms
from orders.values import value_of


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be traded at the moment, read once per request."""

    chain_id: str
    native: NativeToken
    tokens: Mapping[str, Token]
    venues: frozenset[str]
    default_slippage_bps: str
    default_price_impact_bps: str


def new_order(fields: Mapping[str, Any], offer: Offer, stated: bytes = b"") -> NewOrder:
    """One order from OrderRequestSerializer's fields, with the hash of them. Raises: ProblemError."""
    tokens = _tokens(fields, offer)
    limits = _swap_limits(fields, offer, tokens)
    expires_at: datetime | None = fields.get("expires_at")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise ProblemError(_problem("already_expired", f"{expires_at.isoformat()} is in the past", "/expires_at"))
    order_type = ORDER_TYPES[fields["type"]]
    in_force = time_in_force(fields)
    if problem := order_type.check_time_in_force(in_force, has_expiry=expires_at is not None):
        raise ProblemError(problem)
    terms = SwapTerms(
        **limits,
        time_in_force=in_force,
        tags=fields.get("tags", {}),
        scenario=scenario(fields),
        type_terms=read_type_terms(order_type, fields),
    )
    order = _new_order(fields, offer, tokens, terms, order_type.name, fields.get("client_order_id"), expires_at, stated)
    if error := order_type.check(order):
        raise ProblemError(Problem(error.code, error.detail, errors=[error]))
    return order


def order_to_quote(fields: Mapping[str, Any], offer: Offer) -> NewOrder:
    """What a quote is for: a market order that is never stored. Raises: ProblemError."""
    tokens = _tokens(fields, offer)
    return _new_order(fields, offer, tokens, SwapTerms(**_swap_limits(fields, offer, tokens)), "market", None, None)


def _new_order(
    fields: Mapping[str, Any],
    offer: Offer,
    tokens: tuple[Token, Token],
    terms: SwapTerms,
    order_type: str,
    client_order_id: str | None,
    expires_at: datetime | None,
    stated: bytes = b"",
) -> NewOrder:
    """Raises: ProblemError for an amount that the token cannot hold."""
    token_in, token_out = tokens
    side = Side(fields["side"])
    fixed = token_in if side is Side.EXACT_IN else token_out
    amount = _atoms(fields["amount"], fixed.decimals, "/amount")
    return NewOrder(
        client_order_id=client_order_id,
        chain_id=offer.chain_id,
        order_type=order_type,
        side=side,
        token_in=token_in.symbol,
        token_out=token_out.symbol,
        decimals_in=token_in.decimals,
        decimals_out=token_out.decimals,
        amount=amount,
        expires_at=expires_at,
        terms=terms,
        value=value_of(amount, fixed.decimals, fixed.value),
        unit_value_in=token_in.value,
        native=offer.native,
        stated=stated,
        native_value=native.value if (native := offer.tokens.get(offer.native.symbol)) else None,
    )


def _tokens(fields: Mapping[str, Any], offer: Offer) -> tuple[Token, Token]:
    errors = [
        FieldError(f"/{name}", "unknown_token", f"no token {shown(fields[name])} can be traded here")
        for name in ("token_in", "token_out")
        if (token := offer.tokens.get(fields[name])) is None or not token.is_enabled
    ]
    if errors:
        raise ProblemError(Problem("unknown_token", errors[0].detail, errors=errors))
    if fields["token_in"] == fields["token_out"]:
        raise ProblemError(_problem("same_token", f"{fields['token_in']} cannot be swapped for itself", "/token_out"))
    return offer.tokens[fields["token_in"]], offer.tokens[fields["token_out"]]


def _swap_limits(fields: Mapping[str, Any], offer: Offer, tokens: tuple[Token, Token]) -> dict[str, Any]:
    """The fields of SwapTerms that limit a swap. Raises: ProblemError."""
    token_in, token_out = tokens
    guards: Mapping[str, Any] = fields.get("guards", {})
    _check_sides(fields["side"], guards)
    slippage = guards.get("max_slippage_bps")
    # Stated null means no guard; silence means the default one.
    if "max_price_impact_bps" in guards:
        impact = guards["max_price_impact_bps"]
        impact_ppm = None if impact is None else bps_to_ppm(impact)
    else:
        impact_ppm = _default_ppm(offer.default_price_impact_bps)
    return {
        "max_slippage_ppm": _default_ppm(offer.default_slippage_bps) if slippage is None else bps_to_ppm(slippage),
        "max_price_impact_ppm": impact_ppm,
        "min_amount_out": _optional(guards.get("min_amount_out"), token_out, "/guards/min_amount_out"),
        "max_amount_in": _optional(guards.get("max_amount_in"), token_in, "/guards/max_amount_in"),
        "max_quote_age_ms": guards.get("max_quote_age_ms"),
        "max_deviation_ppm": None if (most := guards.get("max_deviation_bps")) is None else bps_to_ppm(most),
        **_route_limits(fields.get("venues", {}), offer),
        **_fee_limits(fields.get("fee", {}), offer.native),
    }


@cache
def _default_ppm(bps: str) -> int:
    return bps_to_ppm(Decimal(bps))


def _route_limits(venues: Mapping[str, Any], offer: Offer) -> dict[str, Any]:
    """What the owner said about the route, if anything. Raises: ProblemError."""
    if not venues:
        return {}
    for list_name, kind, offered in (
        ("allow", "venue", offer.venues),
        ("deny", "venue", offer.venues),
        ("deny_tokens", "token", offer.tokens.keys()),
    ):
        for name in venues.get(list_name) or ():
            if name not in offered:
                detail = f"there is no {kind} {shown(name)}"
                raise ProblemError(_problem(f"unknown_{kind}", detail, f"/venues/{list_name}"))
    lists = {name: tuple(sorted(set(venues.get(name) or ()))) for name in ("allow", "deny", "deny_tokens")}
    return lists | {name: venues.get(name) for name in ("max_legs", "max_hops", "max_swaps")}


def _fee_limits(fee: Mapping[str, Any], native: NativeToken) -> dict[str, Any]:
    """What the owner said about network fees. Raises: ProblemError for an amount that the native token cannot hold."""
    most = fee.get("max_native")
    return {
        "fee_strategy": fee.get("strategy", FeeStrategy.NORMAL.value),
        "max_network_fee": None if most is None else _atoms(most, native.decimals, "/fee/max_native"),
    }


def _check_sides(side: str, guards: Mapping[str, Any]) -> None:
    misplaced = "max_amount_in" if side == Side.EXACT_IN else "min_amount_out"
    if guards.get(misplaced) is not None:
        detail = f"{misplaced} means nothing for {side}: that amount is the fixed one"
        raise ProblemError(_problem("guard_side", detail, f"/guards/{misplaced}"))


def _optional(text: str | None, token: Token, pointer: str) -> int | None:
    return None if text is None else _atoms(text, token.decimals, pointer)


def _atoms(text: str, decimals: int, pointer: str) -> int:
    try:
        return parse_units(text, decimals)
    except ScalarError as error:
        raise ProblemError(_problem(error.code, error.detail, pointer)) from None


def _problem(code: str, detail: str, pointer: str) -> Problem:
    return Problem(code, detail, errors=[FieldError(pointer, code, detail)])
