"""Orders that wait for a new pool of their pair: which of them a pool reaches, and the trigger that it fires."""

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from dex import Engine, MarketPrices, PairPool, RetryableError
from orders.amounts import format_units
from orders.database.recordset import recordset, to_json
from orders.models.waiting import POOL_KINDS, stored_price
from orders.notify.push import push_events
from orders.notify.wake import wake
from orders.order_types.sniper import LONGEST_AGE_S
from orders.pipeline.life.links import settle_due
from orders.pipeline.transition import transition
from orders.selectors import token_decimals
from orders.signing.wallets import closed_venues
from orders.states import Stage
from orders.waiting.firing import firing_of
from orders.waiting.reached import FIRED_COLUMNS, FREE, MOST, OF_V, Fired, Waited, fired_of
from orders.waiting.seen_pools import known_ages, note_pools

logger = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """A pool that orders of a pair and kind may fire at: what it holds of the kind's token, and its age in seconds."""

    waited: Waited
    pool: PairPool
    liquidity: str
    age_s: int


class Hit(NamedTuple):
    """An order that a pool reaches."""

    order: Fired
    account_id: int
    candidate: Candidate


# By the index on the age that an order allows, which is in the terms: the expression is the index's own. A venue that
# is paused and a token that is switched off fire nothing as long as they are so.
_KINDS = ", ".join(f"'{kind}'" for kind in POOL_KINDS)
_FIND = f"""
    WITH v AS (
        SELECT * FROM jsonb_to_recordset(%(pools)s::jsonb) AS v(
            place int, token_in text, token_out text, kind text, venue text, tokens text[], liquidity numeric,
            age_s int)
        WHERE NOT EXISTS (SELECT FROM orders_tradingcontrol c WHERE c.venue = v.venue)
            AND NOT EXISTS (SELECT FROM orders_token t WHERE t.symbol = ANY(v.tokens) AND NOT t.is_enabled)
    )
    SELECT found.*, v.place FROM v CROSS JOIN LATERAL (
        SELECT {FIRED_COLUMNS}, account_id FROM orders_order
        WHERE {OF_V} AND trigger_kind IN ({_KINDS})
            AND (terms #>> '{{type_terms,max_age_s}}')::integer >= v.age_s AND trigger_at_price <= v.liquidity
            AND (terms -> 'allow' IS NULL OR jsonb_exists(terms -> 'allow', v.venue))
            AND NOT coalesce(jsonb_exists(terms -> 'deny', v.venue), false)
            AND NOT coalesce(jsonb_exists_any(terms -> 'deny_tokens', v.tokens), false)
            AND {FREE} LIMIT {MOST}) found
    ORDER BY v.place
"""


def fire_at_pools(engine: Engine, waited: Sequence[Waited], market: MarketPrices, began_at: Any) -> None:
    """Fire the orders that a new pool reaches, each at the oldest pool that does.

    `began_at` is when the look began. Where the chain cannot be asked for the age of a pool, the next pass does.
    """
    chain_id = engine.chain.chain_id
    try:
        note_pools(engine.chain, market, began_at)
        candidates = _candidates(chain_id, waited, market)
        while hits := _find(chain_id, candidates):
            closed = closed_venues({hit.account_id for hit in hits}, engine, makes_wallets=False)
            open_ones = [hit for hit in hits if hit.candidate.pool.venue not in closed.get(hit.account_id, ())]
            first: dict[UUID, Hit] = {}
            for hit in open_ones:
                first.setdefault(hit.order.id, hit)
            firings = [firing_of(hit.order, partial(_seen, hit, market.version)) for hit in first.values()]
            changes = [change for change in firings if change is not None]
            events = transition(changes)
            push_events(events)
            settle_due(chain_id)
            wake(Stage.ROUTE)
            if len(hits) < MOST or not events:
                break
    except RetryableError as error:
        logger.warning("no pool fires an order now: %s", error)


def _candidates(chain_id: str, waited: Sequence[Waited], market: MarketPrices) -> list[Candidate]:
    """The oldest first, those that are too old for any order left out."""
    ages = known_ages(chain_id, {pool.pool_id for pools in market.pools.values() for pool in pools}, market.time)
    decimals: Mapping[str, int] = token_decimals()
    found = []
    for item in waited:
        symbol = item.token_out if item.kind == "pool_out" else item.token_in
        if symbol not in decimals:
            continue  # taken from the registry
        for pool in market.pools.get((item.token_in, item.token_out), ()):
            age_s = ages.get(pool.pool_id)
            if age_s is not None and age_s <= LONGEST_AGE_S:
                held = pool.held_out if item.kind == "pool_out" else pool.held_in
                found.append(Candidate(item, pool, format_units(held, decimals[symbol]), age_s))
    return sorted(found, key=lambda one: (-one.age_s, one.pool.pool_id))


def _find(chain_id: str, candidates: Sequence[Candidate]) -> list[Hit]:
    """At most `MOST` of a pool. They are changed by nothing here."""
    if not candidates:
        return []
    rows = [
        {
            "place": place,
            "token_in": one.waited.token_in,
            "token_out": one.waited.token_out,
            "kind": one.waited.kind,
            "venue": one.pool.venue,
            "tokens": one.pool.tokens,
            "liquidity": to_json(stored_price(Decimal(one.liquidity))),
            "age_s": one.age_s,
        }
        for place, one in enumerate(candidates)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"chain_id": chain_id, "pools": recordset(rows)})
        return [Hit(fired_of(row[:-2]), row[-2], candidates[row[-1]]) for row in cursor.fetchall()]


def _seen(hit: Hit, block: int) -> dict[str, Any]:
    """The pool, as the event tells of it."""
    order, one = hit.order, hit.candidate
    return {
        "pool": one.pool.pool_id,
        "venue": one.pool.venue,
        "liquidity": one.liquidity,
        "liquidity_token": order.token_out if order.trigger_kind == "pool_out" else order.token_in,
        "age_s": one.age_s,
        "block": block,
    }
