"""The public JSON of an order, a quote and a list page: the same in every answer, snapshot and message."""

from typing import Any

from dex import Quote, Side
from orders.amounts import format_units, ppm_to_bps
from orders.controls import NONE, Controls
from orders.events import timestamp
from orders.models import Order
from orders.routes import encode_quote, in_present_form
from orders.states import OrderStatus
from orders.terms import Terms

_UNSIGNED = {OrderStatus.PENDING, OrderStatus.ROUTING, OrderStatus.BUILDING}


def order_json(order: Order, controls: Controls = NONE) -> dict[str, Any]:
    """The order object. Every amount comes in token units and, as `*_raw`, in atoms.

    `amount` is what was asked for, `quoted_amount_*` what was last quoted, `amount_in` and `amount_out` what was
    executed: null for an order that was not, or not yet.

    `controls` are the pauses in force, where the reader should learn that the order waits for one.
    """
    is_exact_in = order.side == Side.EXACT_IN
    extra = order.terms
    return {
        "id": str(order.id),
        "client_order_id": order.client_order_id,
        "token_in": order.token_in,
        "token_out": order.token_out,
        "side": order.side,
        "type": order.order_type,
        **_amount("amount", order.amount, order.decimals_in if is_exact_in else order.decimals_out),
        **_amount("amount_in", order.amount_in, order.decimals_in),
        **_amount("amount_out", order.amount_out, order.decimals_out),
        **_amount("quoted_amount_in", order.quoted_amount_in, order.decimals_in),
        **_amount("quoted_amount_out", order.quoted_amount_out, order.decimals_out),
        **_amount("min_amount_out", order.min_amount_out, order.decimals_out),
        **_amount("max_amount_in", order.max_amount_in, order.decimals_in),
        "guards": guards_json(extra, order.decimals_in, order.decimals_out),
        "venues": venues_json(extra),
        "time_in_force": extra.get("time_in_force", "ioc"),
        "expires_at": order.expires_at and timestamp(order.expires_at),
        "tags": extra.get("tags", {}),
        "sim": {"scenario": extra.get("scenario", "none")},
        "status": order.status,
        "outcome": order.outcome,
        "waiting_for": _waiting_for(order, controls),
        "attempt": order.attempt,
        "cancel_requested_at": order.cancel_requested_at and timestamp(order.cancel_requested_at),
        "seq": order.seq,
        "chain": order.chain_id,
        "tx_hash": order.tx_hash,
        "route": order.route and in_present_form(order.route),
        "failure": order.failure,
        "version": order.seq,
        "created_at": timestamp(order.created_at),
        "updated_at": timestamp(order.updated_at),
    }  # fmt: skip


def _waiting_for(order: Order, controls: Controls) -> str | None:
    is_unsigned = order.status in _UNSIGNED and order.tx_hash is None
    if is_unsigned and controls.seem_to_hold(order.chain_id, order.account_id, order.status):
        return "halt"
    if order.waiting_for is not None:
        return order.waiting_for
    return "worker" if order.status == OrderStatus.PENDING else None


def first_answer_json(order: Order) -> dict[str, Any]:
    """The object that accepting this order answered: it depends on nothing that has happened since."""
    return order_json(
        Order(
            id=order.id,
            client_order_id=order.client_order_id,
            chain_id=order.chain_id,
            order_type=order.order_type,
            side=order.side,
            token_in=order.token_in,
            token_out=order.token_out,
            decimals_in=order.decimals_in,
            decimals_out=order.decimals_out,
            amount=order.amount,
            terms=order.terms,
            expires_at=order.expires_at,
            status=OrderStatus.PENDING,
            created_at=order.created_at,
            updated_at=order.created_at,
        )
    )


def guards_json(extra: dict[str, Any], decimals_in: int, decimals_out: int) -> dict[str, Any]:
    """The owner's limits as stated."""
    impact, least, most = (extra.get(name) for name in ("max_price_impact_ppm", "min_amount_out", "max_amount_in"))
    return {
        "max_slippage_bps": ppm_to_bps(extra["max_slippage_ppm"]),
        "max_price_impact_bps": None if impact is None else ppm_to_bps(impact),
        "min_amount_out": None if least is None else format_units(int(least), decimals_out),
        "max_amount_in": None if most is None else format_units(int(most), decimals_in),
        "max_quote_age_ms": extra.get("max_quote_age_ms"),
    }


def venues_json(extra: dict[str, Any]) -> dict[str, Any]:
    """Where the order may trade and how large its route may be, as stated."""
    # Terms hold an empty list where nothing was stated; on the outside that is null, for empty is not "all".
    lists = {"allow": extra.get("allow") or None} | {name: extra.get(name, []) for name in ("deny", "deny_tokens")}
    return lists | {name: extra.get(name) for name in ("max_legs", "max_hops", "max_swaps")}


def quote_json(terms: Terms, quote: Quote, decimals: dict[str, int], quoted_at: str, expires_at: str) -> dict[str, Any]:
    """A timed answer: nothing is stored, and the amounts hold for the snapshot they name."""
    return {
        "token_in": terms.token_in,
        "token_out": terms.token_out,
        "side": terms.side,
        **_amount("amount_in", quote.amount_in, terms.decimals_in),
        **_amount("amount_out", quote.amount_out, terms.decimals_out),
        **_amount("min_amount_out", quote.min_amount_out, terms.decimals_out),
        **_amount("max_amount_in", quote.max_amount_in, terms.decimals_in),
        "price": price(quote.amount_in, quote.amount_out, terms.decimals_in, terms.decimals_out),
        "guards": guards_json(dict(terms.extra), terms.decimals_in, terms.decimals_out),
        "chain": terms.chain_id,
        "route": encode_quote(quote, decimals),
        "quoted_at": quoted_at,
        "expires_at": expires_at,
    }


def price(amount_in: int, amount_out: int, decimals_in: int, decimals_out: int) -> str:
    """token_out per token_in in token units, 12 significant digits, for display only."""
    if not amount_in:
        return "0"
    scale = 10**30
    ratio = amount_out * 10**decimals_in * scale // (amount_in * 10**decimals_out)
    spare = max(0, len(str(ratio)) - 12)
    return format_units(ratio // 10**spare * 10**spare, 30)


def _amount(name: str, atoms: int | None, decimals: int) -> dict[str, str | None]:
    if atoms is None:
        return {name: None, f"{name}_raw": None}
    return {name: format_units(atoms, decimals), f"{name}_raw": str(atoms)}
