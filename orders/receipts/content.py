"""What the receipt of an order says: its terms, how it was routed and on which market, and what came of it.

All of it stands in rows that do not change any more once the order has ended and none of its nonces is open.
"""

from collections.abc import Callable, Iterable
from typing import Any

from dex import Hop, NetworkFee
from orders.amounts import bps_text, format_units, ppm_to_bps
from orders.event_log.event import timestamp
from orders.models import Fill, Order, SignedTransaction
from orders.plan import SwapPlan, hops_from_json
from orders.presentation.orders import EVERY_ORDER, ORDER
from orders.presentation.routes import GAP_DECIMALS
from orders.shapes import Field, Shape, anything, nested, text
from orders.snapshots.reading import read_snapshot
from orders.snapshots.records import Routing

# The owner's terms and what became of them, in the words of the order object.
TERMS = (
    *("id", "client_order_id", "parent_id", "token_in", "token_out", "side", "type", "amount", "amount_raw"),
    *("guards", "venues", "fee", "time_in_force", "expires_at", "tags", "link", "link_id", "link_rank", "chain"),
    "created_at",
)
OUTCOME = (
    *("status", "outcome", "attempt", "seq", "tx_hash", "failure", "cancel_requested_at"),
    *("amount_in", "amount_in_raw", "amount_out", "amount_out_raw"),
    *("filled_amount_in", "filled_amount_in_raw", "filled_amount_out", "filled_amount_out_raw", "network_fee_paid"),
)


def terms_json(order: Order) -> dict[str, Any]:
    """What the owner asked for."""
    types = {
        name: value
        for name, value in _shown(order, ORDER.fields.keys() - EVERY_ORDER.keys()).items()
        if value is not None
    }
    return _shown(order, TERMS) | types


def route_json(plan: SwapPlan, order: Order) -> dict[str, Any]:
    """What the order was promised when it was routed last, and the limits that the chain enforced."""
    return {
        "swaps": [hop_json(hop, plan) for hop in plan.route.hops],
        "quoted_amount_in_raw": _text(order.quoted_amount_in),
        "quoted_amount_out_raw": _text(order.quoted_amount_out),
        "min_amount_out_raw": _text(order.min_amount_out),
        "max_amount_in_raw": _text(order.max_amount_in),
        "mid_amount_out_raw": str(plan.mid_amount_out),
        "price_impact_bps": ppm_to_bps(plan.price_impact_ppm),
        "bound_raw": _text(plan.bound),
        "gap_bps": None if plan.gap_bps is None else bps_text(plan.gap_bps, GAP_DECIMALS),
        "network_fee": _fee(plan.network_fee),
        "venue_quotes": [
            {
                "venue": alone.venue,
                "amount_in_raw": _text(alone.amount_in),
                "amount_out_raw": _text(alone.amount_out),
                "network_fee_value_raw": _text(alone.fee_value),
                "code": alone.code,
            }
            for alone in plan.venue_quotes
        ],
    }


def market_json(plan: SwapPlan | None) -> dict[str, Any] | None:
    """The market that it was routed on, by its hash, and what the router was asked, as long as that is kept."""
    if plan is None or plan.market is None:
        return None
    snapshot = read_snapshot(plan.market)
    routing = None if snapshot is None else routing_json(snapshot.routing)
    return {"hash": plan.market.hash, "block": plan.snapshot_version, "routing": routing}


def routing_json(routing: Routing) -> dict[str, Any]:
    """What the router was asked, and by which program."""
    return {
        "request": routing.request,
        "checked_costs": routing.checked_costs,
        "ended_after": routing.ended_after,
        "program": routing.program,
    }


def hop_json(hop: Hop, plan: SwapPlan) -> dict[str, str]:
    """A swap: its pool, and what it takes and pays, in atoms and in token units."""
    return {
        "venue": hop.venue,
        "pool": hop.pool_id,
        "token_in": hop.token_in,
        "token_out": hop.token_out,
        "amount_in": format_units(hop.amount_in, plan.decimals[hop.token_in]),
        "amount_in_raw": str(hop.amount_in),
        "amount_out": format_units(hop.amount_out, plan.decimals[hop.token_out]),
        "amount_out_raw": str(hop.amount_out),
    }


def fill_json(fill: Fill, order: Order) -> dict[str, Any]:
    """What the chain executed of one leg."""
    return {
        "leg": fill.leg,
        "amount_in": format_units(fill.amount_in, order.decimals_in),
        "amount_in_raw": str(fill.amount_in),
        "amount_out": format_units(fill.amount_out, order.decimals_out),
        "amount_out_raw": str(fill.amount_out),
        "swaps": [
            {
                "venue": hop.venue,
                "pool": hop.pool_id,
                "token_in": hop.token_in,
                "token_out": hop.token_out,
                "amount_in_raw": str(hop.amount_in),
                "amount_out_raw": str(hop.amount_out),
            }
            for hop in hops_from_json(fill.hops)
        ],
        "tx_hash": fill.tx_hash,
        "block": fill.block_number,
        "block_hash": fill.block_hash,
    }


def _transactions(order: Order) -> list[dict[str, Any]]:
    """Everything that was signed for it, in turn; a replaced one has the nonce of the next."""
    rows = SignedTransaction.objects.filter(submission__order=order).order_by("id").select_related("submission__wallet")
    return [
        {
            "tx_hash": row.tx_hash,
            "wallet": row.submission.wallet.address,
            "nonce": str(row.submission.key),
            "is_cancellation": row.is_noop,
            "signed_at": timestamp(row.created_at),
        }
        for row in rows
    ]


def _children(order: Order) -> list[dict[str, Any]]:
    """The orders that a parent was executed by; each has a receipt of its own."""
    if not order.is_parent:
        return []
    rows: Iterable[Order] = order.children.order_by("id")
    return [
        {
            "id": str(child.id),
            "outcome": child.outcome,
            "amount_in_raw": _text(child.amount_in),
            "amount_out_raw": _text(child.amount_out),
            "tx_hash": child.tx_hash,
        }
        for child in rows
    ]


def _shown(order: Order, names: Iterable[str]) -> dict[str, Any]:
    """Fields of the order object."""
    fields = [(name, ORDER.fields[name].read) for name in names]
    return {name: getattr(order, name) if read is None else read(order) for name, read in fields}


def _fee(fee: NetworkFee | None) -> dict[str, Any] | None:
    return fee and {"token": fee.token, "amount_raw": str(fee.amount), "value_raw": _text(fee.value)}


def _text(atoms: int | None) -> str | None:
    return None if atoms is None else str(atoms)


def _events(order: Order) -> list[dict[str, Any]]:
    """When it was where, as the database's clock says."""
    rows = order.events.order_by("seq").values_list("seq", "status", "attempt", "outcome", "at")
    return [
        {"seq": seq, "status": status, "attempt": attempt, "outcome": outcome, "at": timestamp(at)}
        for seq, status, attempt, outcome, at in rows
    ]


_OBJECT = {"type": "object", "additionalProperties": {}}


def _objects(read: Callable[[Order], Any], about: str) -> Field[Order]:
    return Field({"type": "array", "items": _OBJECT, "description": about}, read)


CONTENT = Shape[Order](
    "ReceiptContentShape",
    "What the receipt of an order says, unsigned.",
    {
        "order": anything(lambda order: terms_json(order)),
        "outcome": anything(lambda order: _shown(order, OUTCOME)),
        "route": nested(_OBJECT, lambda order: (plan := order.plan) and route_json(plan, order), null=True),
        "market": nested(_OBJECT, lambda order: market_json(order.plan), null=True),
        "fills": _objects(lambda order: [fill_json(fill, order) for fill in order.fills.order_by("leg")], "By leg."),
        "transactions": _objects(lambda order: _transactions(order), "All that was signed for it, in turn."),
        "children": _objects(lambda order: _children(order), "Of a parent: the orders that it was executed by."),
        "events": _objects(lambda order: _events(order), "When it was where."),
    },
)
RECEIPT = Shape[Any](
    "ReceiptShape",
    "Canonical JSON (RFC 8785), signed: docs/receipts.md.",
    {
        "format": text(about="order-receipt/1"),
        "key_id": text(about="Of the key that signed it, among those of /.well-known/jwks.json."),
        **CONTENT.fields,
        "signature": text(about="Ed25519, of the canonical bytes without this member; base64url."),
    },
)
