"""The public JSON of an order and a quote: the same in every answer, snapshot and message."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from dex import Quote, Side
from orders.amounts import format_units, ppm_to_bps
from orders.event_log.event import timestamp
from orders.models import Order
from orders.order_types import (
    FIELDS,
    TIMES_IN_FORCE,
    parent_columns,
    trigger_of,
    type_field_json,
    types_with,
    waits,
)
from orders.pauses import NONE, Controls
from orders.plan import SwapPlan
from orders.presentation.amounts import UNITS, amount, bps, fixed_decimals
from orders.presentation.fees import (
    FEE_LIMITS,
    NETWORK_FEE,
    fee_limits_json,
    net_amount,
    net_amounts,
    paid_fee,
    planned_fee,
)
from orders.presentation.price import price
from orders.presentation.progress import OF_PARENTS
from orders.presentation.routes import ROUTE
from orders.problems import PROBLEM
from orders.shapes import GIVEN, Field, Shape, choice, integer, listed, nested, text, text_map, texts, time, uuid
from orders.states import OrderStatus
from orders.terms import NewOrder, SwapTerms

_UNROUTED = {OrderStatus.PENDING, OrderStatus.ROUTING}
_UNSIGNED = _UNROUTED | {OrderStatus.BUILDING}
EXECUTED = "Executed; null for an order that was not, or not yet."
QUOTED = "As last quoted; null before the first quote."
ENFORCED = "Limit that the chain enforces."
# Published with the requests, which state it in the same form.
SIM = {"$ref": "#/components/schemas/Sim"}


class StatedLimits(NamedTuple):
    """An owner's limits, and the decimals of the two ends."""

    terms: SwapTerms
    decimals_in: int
    decimals_out: int


class Priced(NamedTuple):
    """A quote for an order that is not placed."""

    new: NewOrder
    quote: Quote
    plan: SwapPlan


GUARDS = Shape[StatedLimits](
    "GuardsShape",
    "The owner's limits, as they hold.",
    {
        "max_slippage_bps": bps(lambda limits: ppm_to_bps(limits.terms.max_slippage_ppm)),
        "max_price_impact_bps": bps(lambda limits: _bps(limits.terms.max_price_impact_ppm), null=True),
        "max_deviation_bps": bps(lambda limits: _bps(limits.terms.max_deviation_ppm), null=True),
        "min_amount_out": text(
            lambda limits: _units(limits.terms.min_amount_out, limits.decimals_out), UNITS, null=True
        ),
        "max_amount_in": text(lambda limits: _units(limits.terms.max_amount_in, limits.decimals_in), UNITS, null=True),
        "max_quote_age_ms": integer(lambda limits: limits.terms.max_quote_age_ms, null=True),
    },
)
ROUTE_LIMITS = Shape[SwapTerms](
    "RouteLimitsShape",
    "Where the order may trade, and how large its route may be; null: no limit.",
    {
        # Terms hold an empty list where nothing was stated; on the outside that is null, for empty is not "all".
        "allow": texts(lambda terms: list(terms.allow) or None, null=True),
        "deny": texts(lambda terms: list(terms.deny)),
        "deny_tokens": texts(lambda terms: list(terms.deny_tokens)),
        "max_legs": integer(null=True),
        "max_hops": integer(null=True),
        "max_swaps": integer(null=True),
    },
)


def _type_field(name: str) -> Field[Order]:
    """A field of order types: null for an order of a type that does not take it."""
    schema = {"oneOf": [FIELDS[name].kind.shown_schema, {"type": "null"}]}
    about = f"{FIELDS[name].help_text} For {types_with(name)}."
    return Field(schema | {"description": about}, lambda order: type_field_json(order.order_type, order, name))


# `amount` is what was asked for, `quoted_amount_*` what was quoted last, and `amount_*` what was executed.
EVERY_ORDER: dict[str, Field[Order]] = {
    "id": uuid(lambda order: str(order.id)),
    "client_order_id": text(null=True),
    "parent_id": uuid(
        lambda order: order.parent_id and str(order.parent_id),
        "The order that this one is a child of, a part of its execution; null: of none.",
        null=True,
    ),
    "token_in": text(),
    "token_out": text(),
    "side": choice(Side),
    "type": text(lambda order: order.order_type),
    **amount(
        "amount",
        lambda order: order.amount,
        fixed_decimals,
        "The fixed side, token units.",
    ),
    **amount("amount_in", lambda o: o.amount_in, lambda o: o.decimals_in, EXECUTED, null=True),
    **amount("amount_out", lambda o: o.amount_out, lambda o: o.decimals_out, EXECUTED, null=True),
    **OF_PARENTS,
    **amount("quoted_amount_in", lambda o: o.quoted_amount_in, lambda o: o.decimals_in, QUOTED, null=True),
    **amount("quoted_amount_out", lambda o: o.quoted_amount_out, lambda o: o.decimals_out, QUOTED, null=True),
    "network_fee": nested(NETWORK_FEE, lambda order: (plan := order.plan) and planned_fee(plan), null=True),
    **net_amounts(
        net_amount,
        lambda order: order.side,
        lambda order: order.decimals_in,
        lambda order: order.decimals_out,
        "executed where it was, as last quoted while it may still be",
    ),
    "network_fee_paid": nested(NETWORK_FEE, paid_fee, null=True),
    **amount("min_amount_out", lambda o: o.min_amount_out, lambda o: o.decimals_out, ENFORCED, null=True),
    **amount("max_amount_in", lambda o: o.max_amount_in, lambda o: o.decimals_in, ENFORCED, null=True),
    "guards": nested(GUARDS, lambda order: guards_json(order.terms, order.decimals_in, order.decimals_out)),
    "venues": nested(ROUTE_LIMITS, lambda order: ROUTE_LIMITS.render(order.terms)),
    "fee": nested(FEE_LIMITS, lambda order: fee_limits_json(order.terms, order.native_decimals)),
    "time_in_force": choice(TIMES_IN_FORCE, lambda order: order.terms.time_in_force),
    "expires_at": time(lambda order: order.expires_at and timestamp(order.expires_at), null=True),
    "tags": text_map(lambda order: dict(order.terms.tags)),
    "sim": nested(SIM, lambda order: {"scenario": order.terms.scenario}),
    "status": choice(OrderStatus),
    "outcome": text(about="Open set: filled, slippage, no_route, cancelled ...", null=True),
    "waiting_for": text(
        GIVEN, "worker, price, pool, sibling, halt, schedule, children, chain, fees or funds; null: nothing.", null=True
    ),
    "link": text(about="one_cancels_other or then; null: the order stands alone.", null=True),
    "link_id": uuid(
        lambda order: order.link_id and str(order.link_id), "The same for orders that decide on each other.", null=True
    ),
    "link_rank": integer(
        about="Of those of one rank one executes; the next rank is placed when it has filled.", null=True
    ),
    "attempt": integer(),
    "cancel_requested_at": time(
        lambda order: order.cancel_requested_at and timestamp(order.cancel_requested_at),
        "When its cancel was stored: no swap is signed for it after that.",
        null=True,
    ),
    "seq": integer(about="seq of the last event."),
    "chain": text(lambda order: order.chain_id),
    "tx_hash": text(null=True),
    "route": nested(ROUTE, lambda order: (plan := order.plan) and ROUTE.render(plan), null=True),
    "failure": nested(PROBLEM, null=True),
    "version": integer(lambda order: order.seq),
    "created_at": time(lambda order: timestamp(order.created_at)),
    "updated_at": time(lambda order: timestamp(order.updated_at)),
}
ORDER = Shape[Order](
    "OrderShape",
    "The order object: the same in every answer, snapshot and message.",
    {**EVERY_ORDER, **{name: _type_field(name) for name in FIELDS}},
)
ORDER_PAGE = Shape[list[dict[str, Any]]](
    "OrderPageShape",
    "One page, newest first.",
    {"next": text(GIVEN, null=True), "previous": text(GIVEN, null=True), "results": listed(ORDER, lambda page: page)},
)
QUOTE = Shape[Priced](
    "QuoteShape",
    "A timed answer; nothing is stored.",
    {
        "quote_id": text(GIVEN, "An order that names it is executed within its limit, or refused once it expires."),
        "token_in": text(lambda priced: priced.new.token_in),
        "token_out": text(lambda priced: priced.new.token_out),
        "side": choice(Side, lambda priced: priced.new.side),
        **amount("amount_in", lambda p: p.quote.amount_in, lambda p: p.new.decimals_in),
        **amount("amount_out", lambda p: p.quote.amount_out, lambda p: p.new.decimals_out),
        **amount("min_amount_out", lambda p: p.quote.min_amount_out, lambda p: p.new.decimals_out),
        **amount("max_amount_in", lambda p: p.quote.max_amount_in, lambda p: p.new.decimals_in),
        "network_fee": nested(NETWORK_FEE, lambda priced: planned_fee(priced.plan), null=True),
        **net_amounts(
            lambda priced: priced.plan.net_amount,
            lambda priced: priced.new.side,
            lambda priced: priced.new.decimals_in,
            lambda priced: priced.new.decimals_out,
            "as quoted",
        ),
        "price": text(lambda priced: _price(priced), "token_out per token_in, for display only."),
        "guards": nested(
            GUARDS, lambda priced: guards_json(priced.new.terms, priced.new.decimals_in, priced.new.decimals_out)
        ),
        "fee": nested(
            FEE_LIMITS,
            lambda priced: fee_limits_json(priced.new.terms, priced.new.native_decimals),
        ),
        "chain": text(lambda priced: priced.new.chain_id),
        "waiting_for": text(GIVEN, "What an order would wait for; null: nothing.", null=True),
        "route": nested(ROUTE, lambda priced: ROUTE.render(priced.plan)),
        "quoted_at": time(GIVEN),
        "expires_at": time(GIVEN),
    },
)


def order_json(
    order: Order, controls: Controls = NONE, at: datetime | None = None, shape: Shape[Order] = ORDER
) -> dict[str, Any]:
    """The order object. `at` is the time for which the answer holds; None: now.

    `controls` are the pauses in force, where the reader should learn that the order waits for one.
    """
    return shape.render(order, waiting_for=waiting_for_of(order, controls, at or datetime.now(UTC)))


def waiting_for_of(order: Order, controls: Controls, at: datetime) -> str | None:
    """What an order waits for at a time, under these pauses; None: nothing."""
    is_unsigned = order.status in _UNSIGNED and order.tx_hash is None
    if is_unsigned and controls.seem_to_hold(order.chain_id, order.account_id, order.status):
        return "halt"
    if order.waiting_for is not None:
        return order.waiting_for
    if order.status in _UNROUTED and (wait := waits(order.order_type, order, at)):
        return wait.waiting_for
    return "worker" if order.status == OrderStatus.PENDING else None


def first_answer_json(order: Order) -> dict[str, Any]:
    """The object that accepting this order answered: it depends on nothing that has happened since."""
    trigger = trigger_of(order.order_type, order)
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
            native_token=order.native_token,
            native_decimals=order.native_decimals,
            expires_at=order.expires_at,
            **parent_columns(order.order_type, order),
            status=OrderStatus.PENDING,
            waiting_for="sibling" if order.link_rank else trigger and trigger.waiting_for,
            link=order.link,
            link_id=order.link_id,
            link_rank=order.link_rank,
            created_at=order.created_at,
            updated_at=order.created_at,
        ),
        at=order.created_at,
    )


def guards_json(terms: SwapTerms, decimals_in: int, decimals_out: int) -> dict[str, Any]:
    """The owner's limits as stated."""
    return GUARDS.render(StatedLimits(terms, decimals_in, decimals_out))


def _price(priced: Priced) -> str:
    new, quote = priced.new, priced.quote
    return price(quote.amount_in, quote.amount_out, new.decimals_in, new.decimals_out)


def _units(atoms: int | None, decimals: int) -> str | None:
    return None if atoms is None else format_units(atoms, decimals)


def _bps(ppm: int | None) -> str | None:
    return None if ppm is None else ppm_to_bps(ppm)
