"""The trigger pass: with each block, the prices that orders wait for are compared with the market's.

It asks for the prices of the pairs that orders wait for, once for all orders, and changes those alone that they
reach. It goes by what is so now, not by what has changed: a pass that was lost, or did half of its work, is made good
by the next one. An order whose limit is reached becomes due, and routing decides; another trigger fires once, with an
event of its own.
"""

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from dex import Engine, MarketPrices, RetryableError
from dex.costs import TokenPair
from dex.deadline import within
from orders.amounts import in_units, shown_price
from orders.config import Policy
from orders.event_log.event import Event
from orders.models import heartbeat_name
from orders.models.waiting import POOL_KINDS, stored_price
from orders.notify.push import push_events
from orders.notify.wake import wake, wake_trigger_pass
from orders.pipeline import periodic
from orders.pipeline.life.links import settle_due
from orders.pipeline.periodic import Job
from orders.pipeline.transition import transition
from orders.reconciliation.heartbeat import beat
from orders.risk.price_history import note_prices
from orders.risk.reference_price import UNKNOWN, Reference, reference_price
from orders.selectors import token_decimals
from orders.states import Stage
from orders.waiting.firing import firing_of
from orders.waiting.new_pools import fire_at_pools
from orders.waiting.reached import MOST, Fired, Price, Waited, find_reached, follow, make_due, waited_pairs
from orders.waiting.seen_pools import begin_look

logger = logging.getLogger(__name__)

# Between two passes of a chain: half of its block time, within these.
SHORTEST_S, LONGEST_S = 0.25, 3.0
NAME = "triggers"


def trigger_orders(engine: Engine, policy: Policy, at_least_s: float | None = None) -> bool:
    """One pass, and the wake-up for the next one as long as orders wait.

    False, and nothing done, where none waits, or any process has begun a pass a moment ago (`at_least_s`, else half of
    the time between two passes).
    """
    every_s = min(max(engine.chain.timing.block_s / 2, SHORTEST_S), LONGEST_S)
    chain_id = engine.chain.chain_id
    waited = waited_pairs(chain_id)
    # An order that waits since a moment ago is found by the pass that the last one has woken.
    if not waited or not beat(heartbeat_name(NAME, chain_id), every_s / 2 if at_least_s is None else at_least_s):
        return False
    snipers = [item for item in waited if item.kind in POOL_KINDS]
    pairs = dict.fromkeys((item.token_in, item.token_out) for item in snipers)
    began_at = begin_look(engine.chain) if snipers else None
    try:
        with within(engine.chain.timing.answer_s):
            market = engine.prices(((item.token_in, item.token_out) for item in waited), tuple(pairs))
    except RetryableError:
        pass  # the prices are unknown now; the next pass may get them
    else:
        _compare(chain_id, [item for item in waited if item.kind not in POOL_KINDS], market, policy, 2 * every_s)
        if began_at is not None:
            fire_at_pools(engine, snipers, market, began_at)
    wake_trigger_pass(every_s)
    return True


def _compare(chain_id: str, waited: Sequence[Waited], market: MarketPrices, policy: Policy, gap_s: float) -> None:
    decimals = token_decimals()
    marginal = {pair: _units(pair, found.marginal, decimals) for pair, found in market.by_pair.items()}
    mids = {pair: _rounded(_units(pair, found.mid, decimals)) for pair, found in market.by_pair.items()}
    limits = _priced([item for item in waited if item.kind == "limit"], marginal)
    while due := make_due(chain_id, limits):
        for is_parent in set(due):
            wake(Stage.CHILDREN if is_parent else Stage.ROUTE)
        settle_due(chain_id)
        if len(due) < MOST:
            break
    stops = [item for item in waited if item.kind != "limit"]
    if stops:
        _fire(chain_id, stops, market.version, mids, policy, gap_s)


def _fire(
    chain_id: str,
    stops: Sequence[Waited],
    block: int,
    mids: Mapping[TokenPair, Decimal | None],
    policy: Policy,
    gap_s: float,
) -> None:
    """Fire what is reached. Each is one change of its own event, or is left to who has moved the order meanwhile."""
    pairs = {(item.token_in, item.token_out) for item in stops if not item.kind.startswith("last_")}
    history = {}
    if pairs:
        history = note_prices(
            chain_id, block, {pair: mids[pair] for pair in pairs}, policy.trigger_window_s, gap_s=gap_s
        )
    references = {pair: reference_price(held, policy.trigger_window_s) for pair, held in history.items()}
    trailing = [item for item in stops if item.kind.endswith("trails")]
    best = {pair: reference.rising for pair, reference in references.items()}
    for kind, prices in (("trails", best), ("last_trails", mids)):
        leading = _priced([item for item in trailing if item.kind == kind], prices)
        while follow(chain_id, leading) >= MOST:
            pass
    compared = []
    for item in stops:
        pair = (item.token_in, item.token_out)
        seen = references.get(pair, UNKNOWN)
        price = mids[pair] if item.kind.startswith("last_") else _compared(item.kind, seen)
        if price is not None:
            compared.append(Price(item, price))
    while fired := find_reached(chain_id, compared):
        firings = [firing_of(order, partial(_seen, order, block, mids, references)) for order in fired]
        changes = [change for change in firings if change is not None]
        events: list[Event] = transition(changes)
        push_events(events)
        settle_due(chain_id)
        wake(Stage.ROUTE)
        if len(fired) < MOST or not events:
            break


def _compared(kind: str, reference: Reference) -> Decimal | None:
    return reference.rising if kind == "rises" else reference.falling


def _seen(
    order: Fired,
    block: int,
    mids: Mapping[TokenPair, Decimal | None],
    references: Mapping[TokenPair, Reference],
) -> dict[str, Any]:
    """The prices, as the event tells of them."""
    pair = (order.token_in, order.token_out)
    seen = {"mid_price": mids[pair], "reference_price": _compared(order.trigger_kind, references.get(pair, UNKNOWN))}
    if order.trigger_kind.startswith("last_"):
        del seen["reference_price"]
    return {
        "trigger_price": shown_price(order.trigger_at_price),
        "block": block,
        **{name: shown_price(price) for name, price in seen.items() if price is not None},
    }


def _priced(waited: Sequence[Waited], prices: Mapping[TokenPair, Decimal | None]) -> list[Price]:
    found = [(item, prices.get((item.token_in, item.token_out))) for item in waited]
    return [Price(item, price) for item, price in found if price is not None]


def _units(pair: TokenPair, price: Any, decimals: Mapping[str, int]) -> Decimal | None:
    """In token units; None where there is none, or a token was taken from the registry."""
    if price is None or not decimals.keys() >= set(pair):
        return None
    return stored_price(in_units(price, decimals[pair[0]], decimals[pair[1]]))


def _rounded(price: Decimal | None) -> Decimal | None:
    """As events show it: a mid price comes of floats, and beyond this a price that is reached might look as if not."""
    return None if price is None else stored_price(Decimal(shown_price(price)))


# What runs without messages while the broker is away.
JOBS: Mapping[str, Job] = {**periodic.JOBS, "trigger-orders": Job(1.0, trigger_orders)}
