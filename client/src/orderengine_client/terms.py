"""What requests may state, as typed keywords. A name that ends in `_` is that of the API without it: `from_`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Required, TypeAlias, TypedDict

from orderengine_client.values import Amount

Side: TypeAlias = Literal["exact_in", "exact_out"]
Bps: TypeAlias = Amount
"""Basis points: `"50"`, `50`, `"12.5"`."""


class Guards(TypedDict, total=False):
    """Limits under which an order may execute; None: no such limit."""

    max_slippage_bps: Bps
    max_price_impact_bps: Bps | None
    max_deviation_bps: Bps | None
    min_amount_out: Amount | None
    max_amount_in: Amount | None
    max_quote_age_ms: int | None


class Venues(TypedDict, total=False):
    """Where an order may trade, and how large its route may be; None: no limit."""

    allow: Sequence[str] | None
    deny: Sequence[str]
    deny_tokens: Sequence[str]
    max_legs: int | None
    max_hops: int | None
    max_swaps: int | None


class Fee(TypedDict, total=False):
    """What an order offers for its place in a block, and the most that its swaps may cost, in the chain's own token."""

    strategy: str
    max_native: Amount | None


class Twap(TypedDict, total=False):
    """The schedule of a time-weighted order."""

    slices: Required[int]
    interval_s: Required[int]
    start_at: datetime | None
    jitter_percent: int
    catch_up: Literal["skip", "immediate"]


class SwapTerms(TypedDict, total=False):
    """What a quote may state beside its tokens and its amount."""

    side: Side
    guards: Guards
    venues: Venues
    fee: Fee


class TypeTerms(TypedDict, total=False):
    """The fields of the order types."""

    limit_price: Amount
    allow_partial: bool
    trigger_price: Amount
    trigger: Literal["above", "below"]
    trigger_source: Literal["reference", "last"]
    trail_bps: Bps
    twap: Twap
    from_: Amount
    to: Amount
    steps: int
    min_liquidity: Amount
    max_age_s: int
    liquidity_token: Literal["token_in", "token_out"]


class OrderTerms(SwapTerms, TypeTerms, total=False):
    """What an order may state beside its tokens and its amount."""

    type: str
    client_order_id: str
    time_in_force: Literal["ioc", "fok", "gtc", "gtd"]
    expires_at: datetime
    tags: Mapping[str, str]
    sim: Mapping[str, Any]
    quote_id: str


class OrderRequest(OrderTerms, total=False):
    """One order of several."""

    token_in: Required[str]
    token_out: Required[str]
    amount: Required[Amount]


class NewTerms(TypedDict, total=False):
    """What may be replaced while an order waits; `expires_at=None` takes the time limit away."""

    amount: Amount
    expires_at: datetime | None
    guards: Guards
    limit_price: Amount
    trigger_price: Amount
    trail_bps: Bps
    min_liquidity: Amount
    max_age_s: int
    liquidity_token: Literal["token_in", "token_out"]


class ListFilters(TypedDict, total=False):
    """Of lists; an order fits all of them."""

    status: str | Sequence[str]
    outcome: str
    type: str
    pair: str
    tag: str
    client_order_id: str
    parent: str
    created_after: datetime
    created_before: datetime


class CancelFilters(TypedDict, total=False):
    """Which open orders to cancel; `all=True` goes with no filter."""

    all: bool
    status: str | Sequence[str]
    type: str
    pair: str
    tag: str
    client_order_id: str
    created_after: datetime
    created_before: datetime
    limit: int
    reason: str


class ReportFilters(TypedDict, total=False):
    """Which orders a report is about."""

    token_in: str
    token_out: str
    pair: str
    created_after: datetime
    created_before: datetime


class ReplaySettings(TypedDict, total=False):
    """What is other than it was when the order was routed."""

    amount: Amount
    guards: Guards
    venues: Venues
    fee: Fee


class WebhookTerms(TypedDict, total=False):
    """Which events a webhook is sent; None: all."""

    description: str
    status: str | Sequence[str] | None
    pair: str | None
    tag: str | None


class WebhookChange(WebhookTerms, total=False):
    """What may change of a webhook."""

    url: str
    is_enabled: bool
