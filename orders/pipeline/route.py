"""Routes a batch of orders on one market snapshot: ROUTING -> BUILDING, back to wait or for a retry, or FAILED.

BUILDING is left to the stage that signs, which writes it with the signature.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from dex import Ahead, DexError, Engine, Quote, RetryableError, SwapRequest, TerminalError
from dex.trace import RoutingTrace
from orders.config import Policy, snapshot_retention_days
from orders.measures import benchmark
from orders.order_types import limit_of, part_of, waits
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.results import Settled, cancelled, fail, move
from orders.pipeline.transition import Change, transition
from orders.pipeline.waiting import Unasked, expired_while_waiting, has_not_fired, still_waiting, unrouted, wait
from orders.plan import SwapPlan
from orders.presentation.routes import PROOF, legs_json
from orders.problems import Problem
from orders.risk.deviation import with_reference_prices
from orders.risk.fee_limit import Offers, offers_for, quote_above_limit
from orders.selectors import decimals_on
from orders.signing.wallets import closed_venues
from orders.snapshots.recorder import recorder_of
from orders.states import OrderStatus, Stage
from orders.terms import swap_request

# How soon an order that only a paused venue could serve is looked at again.
HALT_POLL_S = 2.0
NONE: frozenset[str] = frozenset()
# What transactions offer lasts for some blocks: fees that were asked for so long ago still bring one in.
OFFERS_LAST_S = 2.0
# By engine, the exponent of each token that was registered when one was looked up that is not here. It never changes.
_known_decimals: WeakKeyDictionary[Engine, dict[str, int]] = WeakKeyDictionary()


def route_orders(
    orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy, ahead: Ahead | None = None
) -> Settled:
    """Give each order its route and the limits that the chain will enforce, and carry it on to be built.

    On the market that was read `ahead` of the claim, if one was.
    """
    settled = Settled()
    wanted = [order for order in orders if is_wanted(order)]
    changes = end_unsigned(orders) + [still_waiting(order) for order in wanted if has_not_fired(order)]
    open_orders = _due([order for order in wanted if not has_not_fired(order)])
    paused = orders[0].venues_to_avoid
    waiting: list[ClaimedOrder] = []
    unasked: list[Unasked] = []
    if not open_orders:
        settled.events = transition(changes)
        return settled
    asked_s, offers = (ahead.asked_s, ahead.offers) if ahead else (time.monotonic(), engine.prepare_ahead())
    trace = RoutingTrace() if snapshot_retention_days() else None
    answers = _quotes(open_orders, engine, paused, offers.result, ahead, trace=trace)
    kept = None if trace is None else recorder_of(engine).record(trace, engine.chain.chain_id)
    decimals, quoted_s = _decimals(answers, engine), time.monotonic()
    refused = [order for order, answer in zip(open_orders, answers, strict=True) if isinstance(answer, TerminalError)]
    reasons = _reasons(refused, engine, offers.result, ahead) if paused else {}
    is_fresh = time.monotonic() - asked_s < OFFERS_LAST_S
    for number, (order, answer) in enumerate(zip(open_orders, answers, strict=True)):
        if order.id in reasons:
            # Where only the pause of a venue is to blame the order waits; else it fails for its own reason.
            answer = reasons[order.id]
            if not isinstance(answer, TerminalError):
                waiting.append(order)
                continue
        if isinstance(answer, Quote):
            market = None if kept is None else kept.refs[number]
            plan, columns = SwapPlan.of(answer, decimals, market), _columns(answer)
            planned = _built_next(order, plan, columns, policy)
            settled.carried.append(
                order._replace(
                    waiting_for=None,
                    plan=plan,
                    planned=planned,
                    quoted_s=quoted_s,
                    offers=offers if is_fresh else None,
                    kept=kept,
                    **columns,
                )
            )
        elif isinstance(answer, RetryableError):
            unasked.append((order, answer))
        else:
            assert isinstance(answer, TerminalError)
            changes.append(unrouted(order, answer))
    changes += wait(unasked, Stage.ROUTE, policy, settled)
    settled.events = transition(changes)
    if waiting:
        release_orders((order, HALT_POLL_S) for order in waiting)
    return settled


def _due(orders: Sequence[ClaimedOrder]) -> list[ClaimedOrder]:
    """Those whose type lets them execute now. Others were claimed too early, and give their lease back until then."""
    at = datetime.now(UTC)
    held = {order.id: wait for order in orders if (wait := waits(order.order_type, order, at))}
    if not held:
        return list(orders)
    release_orders((order, (held[order.id].until - at).total_seconds()) for order in orders if order.id in held)
    return [order for order in orders if order.id not in held]


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


def _reasons(
    refused: Sequence[ClaimedOrder], engine: Engine, ask: Callable[[], Offers], ahead: Ahead | None
) -> dict[UUID, Quote | DexError]:
    """What each of these would have been answered without any pause of a venue, and without the others."""
    answers = _quotes(refused, engine, NONE, ask, ahead, is_sequential=False)
    return {order.id: answer for order, answer in zip(refused, answers, strict=True)}


def _quotes(
    orders: Sequence[ClaimedOrder],
    engine: Engine,
    paused: frozenset[str],
    ask: Callable[[], Offers],
    ahead: Ahead | None,
    *,
    is_sequential: bool = True,
    trace: RoutingTrace | None = None,
) -> Sequence[Quote | DexError]:
    wanted = [(order.account_id, _request(order)) for order in orders]
    return ask_quotes(wanted, engine, paused, ask, ahead, is_sequential=is_sequential, trace=trace)


def ask_quotes(
    wanted: Sequence[tuple[int, SwapRequest]],
    engine: Engine,
    paused: frozenset[str],
    ask: Callable[[], Offers],
    ahead: Ahead | None = None,
    *,
    is_sequential: bool = True,
    trace: RoutingTrace | None = None,
) -> Sequence[Quote | DexError]:
    """What the market gives each account: not through venues that are `paused` or closed to it, within its fee limit.

    `ask` gives what transactions offer now, where a request limits what it may cost. What all of it was routed on is
    noted in `trace`, which stays empty where there is no market.
    """
    if not wanted:
        return []
    try:
        closed = closed_venues({account_id for account_id, _ in wanted}, engine, makes_wallets=True)
        requests = [_without(request, paused | closed.get(account_id, NONE)) for account_id, request in wanted]
        requests = with_reference_prices(requests, engine)
        offers = offers_for(requests, ask)
        answers = engine.route(requests, is_sequential=is_sequential, offers=offers, ahead=ahead, trace=trace)
        return [
            (isinstance(answer, Quote) and quote_above_limit(request, answer, offers, engine)) or answer
            for request, answer in zip(requests, answers, strict=True)
        ]
    except RetryableError as error:  # no snapshot: none of the orders has a route
        return [error] * len(wanted)


def _without(request: SwapRequest, denied: frozenset[str]) -> SwapRequest:
    return replace(request, deny_venues=request.deny_venues | denied) if denied else request


def _decimals(answers: Sequence[Quote | DexError], engine: Engine) -> Mapping[str, int]:
    """The exponents of at least the tokens that the quotes name."""
    named: set[str] = set()
    for answer in answers:
        if isinstance(answer, Quote):
            named.update(token for hop in answer.route.hops for token in (hop.token_in, hop.token_out))
            named.update([answer.network_fee.token] if answer.network_fee else [])
    if not named <= _known_decimals.get(engine, {}).keys():
        _known_decimals[engine] = decimals_on(engine.chain.native)
    return _known_decimals.get(engine, {})


def _request(order: ClaimedOrder) -> SwapRequest:
    part = part_of(order.order_type, order, datetime.now(UTC))
    request = swap_request(order.token_in, order.token_out, order.side, part.amount, part.terms, order.network_fee_paid)
    limit_price = limit_of(order.order_type, order)
    return request if limit_price is None else replace(request, limit_price=limit_price)


def _columns(quote: Quote) -> dict[str, Any]:
    """The columns that a quote fills beside its plan."""
    return {
        "quoted_amount_in": quote.amount_in,
        "quoted_amount_out": quote.amount_out,
        "min_amount_out": quote.min_amount_out,
        "max_amount_in": quote.max_amount_in,
        "tx_hash": None,
    }


def _built_next(order: ClaimedOrder, plan: SwapPlan, columns: Mapping[str, Any], policy: Policy) -> Change:
    data = {
        "route": legs_json(plan),
        "quoted_amount_in_raw": str(columns["quoted_amount_in"]),
        "quoted_amount_out_raw": str(columns["quoted_amount_out"]),
        "min_amount_out_raw": str(columns["min_amount_out"]),
        "mid_amount_out_raw": str(plan.mid_amount_out),
        **PROOF.render(plan),
    }
    quoted_in, quoted_out = columns["quoted_amount_in"], columns["quoted_amount_out"]
    measures = {
        "arrival_amount": benchmark(order.side, quoted_in, quoted_out, plan.mid_amount_out),
        "saved_amount": plan.saved_amount,
    }
    fields = {"route": plan.to_json(), **columns, **measures}
    return move(order, OrderStatus.BUILDING, fields=fields, data=data, keeps_lease_s=policy.lease_s)
