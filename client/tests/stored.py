"""Answers as the engine gives them."""

from typing import Any

ORDER_ID = "019ae000-0000-7000-8000-000000000001"
AT = "2026-11-30T20:00:00.000Z"
# Every field of an order; a test compares them with the published shape.
NULL = (
    *("parent_id", "amount_in", "amount_in_raw", "amount_out", "amount_out_raw", "filled_amount_in"),
    *("filled_amount_in_raw", "filled_amount_out", "filled_amount_out_raw", "average_price", "slices_done"),
    *("slices_total", "quoted_amount_in", "quoted_amount_in_raw", "quoted_amount_out", "quoted_amount_out_raw"),
    *("network_fee", "network_fee_paid", "min_amount_out", "min_amount_out_raw", "max_amount_in", "max_amount_in_raw"),
    *("expires_at", "outcome", "link", "link_id", "link_rank", "cancel_requested_at", "tx_hash", "route", "failure"),
    *("limit_price", "allow_partial", "trigger_price", "trigger", "trigger_source", "trail_bps", "twap", "from", "to"),
    *("steps", "min_liquidity", "max_age_s", "liquidity_token", "net_amount_out", "net_amount_out_raw"),
)
GUARDS = ("max_price_impact_bps", "max_deviation_bps", "min_amount_out", "max_amount_in", "max_quote_age_ms")


def order(**changes: Any) -> dict[str, Any]:
    """An order."""
    return {
        **dict.fromkeys(NULL),
        "id": ORDER_ID,
        "client_order_id": "a-1",
        "token_in": "SOL",
        "token_out": "USDC",
        "side": "exact_in",
        "type": "market",
        "amount": "1",
        "amount_raw": "1000000000",
        "waiting_for": "worker",
        "chain": "simulated",
        "guards": {"max_slippage_bps": "50", **dict.fromkeys(GUARDS)},
        "venues": {
            "allow": None,
            "deny": [],
            "deny_tokens": [],
            **dict.fromkeys(("max_legs", "max_hops", "max_swaps")),
        },
        "fee": {"strategy": "normal", "max_native": None, "max_native_raw": None},
        "time_in_force": "ioc",
        "tags": {},
        "sim": {"scenario": "none"},
        "status": "PENDING",
        "attempt": 1,
        "seq": 1,
        "version": 1,
        "created_at": AT,
        "updated_at": AT,
        **changes,
    }


def event(**changes: Any) -> dict[str, Any]:
    """An event of an order."""
    seq = changes.get("seq", 1)
    return {
        "type": "event",
        "cursor": f"c{seq}",
        "order_id": ORDER_ID,
        "seq": seq,
        "status": "PENDING",
        "attempt": 1,
        "outcome": None,
        "at": AT,
        "took_ms": 0,
        "data": {},
        **changes,
    }


def quote(**changes: Any) -> dict[str, Any]:
    """A quote of an engine that names its quotes."""
    sold = {"token_in": "SOL", "token_out": "USDC", "amount_in": "250", "amount_out": "36000"}
    return {
        **sold,
        **{f"{name}_raw": "1" for name in ("amount_in", "amount_out", "min_amount_out", "max_amount_in")},
        "min_amount_out": "35900",
        "max_amount_in": "250",
        "side": "exact_in",
        "network_fee": None,
        "price": "144",
        **{name: order()[name] for name in ("guards", "fee", "chain")},
        "waiting_for": None,
        "quoted_at": AT,
        "expires_at": AT,
        "quote_id": "q1.x",
        "route": {
            "token_in": "SOL",
            "token_out": "USDC",
            "legs": [],
            "swaps": [],
            "swap_count": 0,
            "network_fee": None,
            "gap_bps": "0.1",
            "best_single_venue": "orca",
            "saved_bps": "3",
            "price_impact_bps": "1",
            "mid_amount_out": "36010",
            "mid_amount_out_raw": "1",
            "snapshot_version": 7,
            "venue_quotes": [],
        },
        **changes,
    }
