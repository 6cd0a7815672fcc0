"""Routes a batch of orders on one market snapshot: ROUTING -> BUILDING, or back for a retry, or FAILED."""

from collections.abc import Mapping, Sequence

from dex import DexError, Engine, Quote, RetryableError
from orders.config import Policy
from orders.problems import Problem
from orders.routes import encode_quote
from orders.selectors import token_decimals
from orders.services.claim import ClaimedOrder
from orders.services.settled import Settled, fail, move, problem_of, retry
from orders.services.transition import Change, transition
from orders.states import OrderStatus, Stage
from orders.terms import swap_request


def route_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Give each order its route and the limits that the chain will enforce."""
    settled = Settled(wakes={Stage.BUILD: 0.0})
    changes = [fail(order, expired(order)) for order in orders if order.is_expired]
    open_orders = [order for order in orders if not order.is_expired]
    decimals = token_decimals()
    for order, answer in zip(open_orders, _quotes(open_orders, engine), strict=True):
        if isinstance(answer, Quote):
            changes.append(_routed(order, answer, decimals))
        elif isinstance(answer, RetryableError) and order.attempt < policy.max_attempts:
            settled.retry = answer
            changes.append(retry(order, OrderStatus.ROUTING, problem_of(answer), policy))
        else:
            changes.append(fail(order, problem_of(answer)))
    settled.events = transition(changes)
    return settled


def expired(order: ClaimedOrder) -> Problem:
    """The owner's own time limit passed before anything was signed."""
    return Problem("expired", f"the order expired at {order.expires_at:%Y-%m-%d %H:%M:%S} UTC before it was executed")


def _quotes(orders: Sequence[ClaimedOrder], engine: Engine) -> Sequence[Quote | DexError]:
    requests = [
        swap_request(order.token_in, order.token_out, order.side, order.amount, order.terms) for order in orders
    ]
    if not requests:
        return []
    try:
        return engine.route(requests)
    except RetryableError as error:  # the snapshot itself was not to be had: nobody got a route
        return [error] * len(requests)


def _routed(order: ClaimedOrder, quote: Quote, decimals: Mapping[str, int]) -> Change:
    route = encode_quote(quote, decimals)
    fields = {
        "route": route,
        "quoted_amount_in": quote.amount_in,
        "quoted_amount_out": quote.amount_out,
        "min_amount_out": quote.min_amount_out,
        "max_amount_in": quote.max_amount_in,
        "tx_hash": None,
    }
    data = {
        "route": route["legs"],
        "amount_in_raw": str(quote.amount_in),
        "amount_out_raw": str(quote.amount_out),
        "min_amount_out_raw": str(quote.min_amount_out),
    }
    return move(order, OrderStatus.BUILDING, fields=fields, data=data)
