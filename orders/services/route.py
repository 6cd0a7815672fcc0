"""Routes a batch of orders on one market snapshot: ROUTING -> BUILDING, or back for a retry, or FAILED."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from dex import DexError, Engine, Quote, RetryableError, SwapRequest, TerminalError
from orders.config import Policy
from orders.problems import Problem
from orders.routes import PROOF, encode_quote
from orders.selectors import read_controls, token_decimals
from orders.services.claim import ClaimedOrder, release_orders
from orders.services.settled import Settled, cancelled, fail, move, problem_of
from orders.services.transition import Change, transition
from orders.services.waiting import Unasked, expired_while_waiting, wait
from orders.services.wallets import closed_venues
from orders.states import OrderStatus, Stage
from orders.terms import swap_request

# How soon an order that only a paused venue could serve is looked at again.
HALT_POLL_S = 2.0
NONE: frozenset[str] = frozenset()


def route_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Give each order its route and the limits that the chain will enforce, and carry it on to be built."""
    settled = Settled()
    routed: dict[UUID, ClaimedOrder] = {}
    changes = end_unsigned(orders)
    open_orders = [order for order in orders if is_wanted(order)]
    decimals = token_decimals()
    paused = read_controls().venues
    waiting: list[ClaimedOrder] = []
    unasked: list[Unasked] = []
    for order, answer in zip(open_orders, _quotes(open_orders, engine, paused), strict=True):
        if paused and isinstance(answer, TerminalError):
            # Where only the pause of a venue is to blame the order waits; else it fails for its own reason.
            answer = _quotes([order], engine, frozenset())[0]
            if not isinstance(answer, TerminalError):
                waiting.append(order)
                continue
        if isinstance(answer, Quote):
            fields = _routed(answer, decimals)
            routed[order.id] = order._replace(status=OrderStatus.BUILDING, waiting_for=None, **fields)
            changes.append(_built_next(order, fields, policy))
        elif isinstance(answer, RetryableError):
            unasked.append((order, answer))
        else:
            changes.append(fail(order, problem_of(answer)))
    changes += wait(unasked, Stage.ROUTE, policy, settled)
    settled.events = transition(changes)
    if waiting:
        release_orders((order, HALT_POLL_S) for order in waiting)
    settled.carried = [
        routed[event.order_id]._replace(since=event.at, seq=event.seq)
        for event in settled.events
        if event.order_id in routed
    ]
    return settled


def is_wanted(order: ClaimedOrder) -> bool:
    """Whether a signature may still be worked towards, by what the claim has read."""
    return not (order.is_expired or order.is_cancel_requested)


def end_unsigned(orders: Sequence[ClaimedOrder]) -> list[Change]:
    """The ends of those whose cancel is stored or whose time is up."""
    return [
        cancelled(order) if order.is_cancel_requested else fail(order, _expired(order))
        for order in orders
        if not is_wanted(order)
    ]


def _expired(order: ClaimedOrder) -> Problem:
    """The owner's own time limit passed before anything was signed."""
    at = datetime.fromtimestamp(order.expires_s or 0, UTC)
    detail = f"the order expired at {at:%Y-%m-%d %H:%M:%S} UTC before it was executed"
    return Problem("expired", detail + expired_while_waiting(order))


def _quotes(orders: Sequence[ClaimedOrder], engine: Engine, paused: frozenset[str]) -> Sequence[Quote | DexError]:
    if not orders:
        return []
    try:
        closed = closed_venues({order.account_id for order in orders}, engine, makes_wallets=True)
        return engine.route([_request(order, paused | closed.get(order.account_id, NONE)) for order in orders])
    except RetryableError as error:  # the snapshot itself was not to be had: nobody got a route
        return [error] * len(orders)


def _request(order: ClaimedOrder, denied: frozenset[str]) -> SwapRequest:
    request = swap_request(order.token_in, order.token_out, order.side, order.amount, order.terms)
    return replace(request, deny_venues=request.deny_venues | denied) if denied else request


def _routed(quote: Quote, decimals: Mapping[str, int]) -> dict[str, Any]:
    """The columns that a quote fills."""
    return {
        "route": encode_quote(quote, decimals),
        "quoted_amount_in": quote.amount_in,
        "quoted_amount_out": quote.amount_out,
        "min_amount_out": quote.min_amount_out,
        "max_amount_in": quote.max_amount_in,
        "tx_hash": None,
    }


def _built_next(order: ClaimedOrder, fields: Mapping[str, Any], policy: Policy) -> Change:
    data = {
        "route": fields["route"]["legs"],
        "quoted_amount_in_raw": str(fields["quoted_amount_in"]),
        "quoted_amount_out_raw": str(fields["quoted_amount_out"]),
        "min_amount_out_raw": str(fields["min_amount_out"]),
        **{name: fields["route"][name] for name in PROOF if name in fields["route"]},
    }
    return move(order, OrderStatus.BUILDING, fields=fields, data=data, keeps_lease_s=policy.lease_s)
