"""Claiming: which rows a stage may work on, and the lease under which it does.

The entry edge PENDING -> ROUTING is written by the claim itself, in the same statement as its event; with
transition.py this is all that writes `Order.status`, and the trigger holds both to the same table.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from dex import Fees, FeeStrategy
from orders.database.pooling import is_pooled
from orders.database.recordset import recordset
from orders.database.session import session
from orders.event_log.event import EVENT_COLUMNS, Event
from orders.pipeline.claimable import claimable
from orders.pipeline.transition import Change
from orders.plan import SwapPlan
from orders.signing.submissions import OpenSubmission
from orders.signing.wallets import WALLET_IN_USE
from orders.snapshots.recorder import Kept
from orders.states import Stage
from orders.terms import SwapTerms, UnreadableTerms

RECENT_TERMS = 1024  # texts, of which each may have a kilobyte of tags
# Terms of a stage that does not read them.
NOT_READ = SwapTerms(max_slippage_ppm=0)


class ClaimedOrder(NamedTuple):
    """What stages need of an order. Amounts are atoms.

    `since` is the time of its last event as PostgreSQL writes it: it only goes back there. `claimed_s` is when it
    was claimed, in unix seconds of the database's clock, and `is_expired` whether the owner's own time limit had
    passed by then; `waited_s` is how long ago it first could not be tried, with nothing signed since. What a stage
    does not need it does not get: `terms` that limit nothing and no `plan` from `submit` on (`with_terms` asks).
    `wallet` is what signs for it, as JSON text (signing/wallets.py), null where nothing does yet. What `is_counted`
    has a share of limits until its end.

    What one stage hands to the next in memory: a `planned` change that the row does not have yet (planned.py), the
    moment of its quote by this process's monotonic clock, what the chain asks for (`offers`, on its way since the
    market was asked for), the `submission` that is stored for it, and the market that is `kept` with its BUILDING.
    """

    id: UUID
    account_id: int
    side: str
    token_in: str
    token_out: str
    status: str
    attempt: int
    tx_hash: str | None
    since: str
    claim_count: int
    lease_token: UUID
    claimed_s: int
    expires_s: int | None
    quiet_s: float
    seq: int
    is_cancel_requested: bool
    order_type: str
    decimals_in: int
    decimals_out: int
    trigger_kind: str | None
    trigger_at_price: str | None
    waiting_for: str | None
    waited_s: float | None
    native_token: str | None
    parent_id: UUID | None
    wallet: str | None
    paused_venues: str | None
    is_counted: bool
    amount: int
    quoted_amount_in: int | None
    quoted_amount_out: int | None
    min_amount_out: int | None
    max_amount_in: int | None
    network_fee_paid: int | None
    terms: SwapTerms
    plan: SwapPlan | None
    unreadable: str | None
    planned: Change | None = None
    quoted_s: float = 0.0
    offers: Future[Mapping[FeeStrategy, Fees]] | None = None
    submission: OpenSubmission | None = None
    kept: Kept | None = None

    @property
    def is_expired(self) -> bool:
        """Whether the owner's own time limit had passed when the order was claimed."""
        return self.expires_s is not None and self.expires_s <= self.claimed_s

    @property
    def venues_to_avoid(self) -> frozenset[str]:
        """Venues that were paused when it was claimed to be routed."""
        return frozenset(orjson.loads(self.paused_venues)) if self.paused_venues else frozenset()


# Times as text or numbers, and atoms as text: Django's loaders for both cost more than all the rest of the row.
_READ: dict[str, str] = {
    "id": "o.id",
    "account_id": "o.account_id",
    "side": "o.side",
    "token_in": "o.token_in",
    "token_out": "o.token_out",
    "status": "o.status",
    "attempt": "o.attempt",
    "tx_hash": "o.tx_hash",
    "since": "o.updated_at::text",
    "claim_count": "o.claim_count",
    "lease_token": "o.lease_token",
    "claimed_s": "extract(epoch FROM now())::bigint",
    "expires_s": "extract(epoch FROM o.expires_at)::bigint",
    "quiet_s": "extract(epoch FROM now() - o.updated_at)::float8",
    "seq": "o.seq",
    "is_cancel_requested": "o.cancel_requested_at IS NOT NULL",
    "order_type": "o.order_type",
    "decimals_in": "o.decimals_in",
    "decimals_out": "o.decimals_out",
    "trigger_kind": "o.trigger_kind",
    "trigger_at_price": "o.trigger_at_price::text",
    "waiting_for": "o.waiting_for",
    "waited_s": "extract(epoch FROM now() - o.waiting_since)::float8",
    "native_token": "o.native_token",
    "parent_id": "o.parent_id",
    "wallet": f"({WALLET_IN_USE})::text",
    "paused_venues": "(SELECT jsonb_agg(DISTINCT venue)::text FROM orders_tradingcontrol WHERE venue <> '')",
    "is_counted": "o.held_value IS NOT NULL OR o.counted_fee IS NOT NULL",
    "amount": "o.amount::text",
    "quoted_amount_in": "o.quoted_amount_in::text",
    "quoted_amount_out": "o.quoted_amount_out::text",
    "min_amount_out": "o.min_amount_out::text",
    "max_amount_in": "o.max_amount_in::text",
    "network_fee_paid": "o.network_fee_paid::text",
    "terms": "o.terms",
    "plan": "o.route",
}
_SIDE = list(_READ).index("side")
_NOT_READ: dict[Stage, tuple[str, ...]] = {
    Stage.CHILDREN: ("wallet", "plan"),
    Stage.ROUTE: ("plan",),
    Stage.BUILD: ("paused_venues",),
    Stage.SUBMIT: ("wallet", "paused_venues", "terms", "plan"),
    Stage.CONFIRM: ("wallet", "paused_venues", "terms", "plan"),
}


class Claim(NamedTuple):
    """Orders under one lease, the events that entering the stage wrote, and whether more of them may be due."""

    orders: list[ClaimedOrder]
    events: list[Event]
    has_more: bool


# A token begins with the process id of the database session that claims; with that of none, -1, where a pooler may give
# the next transaction another session, whose end says nothing of the worker's.
BY_SESSION = """(SELECT (lpad(to_hex(CASE WHEN %(is_pooled)s THEN -1 ELSE pg_backend_pid() END), 8, '0')
            || substr(gen_random_uuid()::text, 9))::uuid)"""
HOLDER = "('x' || left(lease_token::text, 8))::bit(32)::int"

# Claims that ended in a crash make the next one's batch this much smaller, in bits: 200, 50, 12, 3, 1. Faster would
# make most orders of a time of many crashes run one by one.
SUSPECT_BITS = 2


def claim_orders(stage: Stage, limit: int, lease_s: int, *, chain_id: str) -> Claim:
    """Lease up to `limit` due orders of the stage on a chain, oldest first; rows leased by others are passed over.

    All of a claim have seen as many crashes. Orders whose last claim ended in one come in ever smaller groups, at last
    alone: one of them may be what killed the worker, and the innocent must get through. What a claim leaves out is
    not charged with its crash, since it counts claims and not time.
    """
    values = {"limit": limit, "lease_s": lease_s, "is_pooled": is_pooled(), "chain_id": chain_id}
    rows: list[tuple[Any, ...]] = session.rows(_statement(stage), values)
    width = len(_READ)
    orders, begins = [_order(row[:width]) for row in rows], width + 1
    events = [Event.from_row(row[begins:], {}) for row in rows if len(row) > begins and row[begins] is not None]
    seen = rows[0][width] if rows else 0
    return Claim(orders, events, has_more=seen > len(rows) or seen == limit)


@lru_cache(RECENT_TERMS)
def _terms(text: str) -> SwapTerms:
    """Read once for orders that were placed on the same terms, as most are. Raises: UnreadableTerms."""
    return SwapTerms.from_json(orjson.loads(text))


def with_terms(order: ClaimedOrder) -> ClaimedOrder:
    """The order with its terms, asked for now where its stage does without; those that cannot be read limit nothing."""
    if order.terms is not NOT_READ:
        return order
    rows = session.rows("SELECT terms FROM orders_order WHERE id = %(id)s", {"id": order.id})
    try:
        return order._replace(terms=_terms(rows[0][0]))
    except (IndexError, UnreadableTerms):
        return order


def _order(row: Sequence[Any]) -> ClaimedOrder:
    *plain, amount, quoted_in, quoted_out, least_out, most_in, fee_paid, terms_text, plan_text = row
    terms, plan, unreadable = NOT_READ, None, None
    try:
        terms = NOT_READ if terms_text is None else _terms(terms_text)
        plan = None if plan_text is None else SwapPlan.from_json(orjson.loads(plan_text), plain[_SIDE])
    except Exception as error:  # the row is claimed: its stage ends it, and no other order waits for it
        unreadable = f"{type(error).__name__}: {error}"
    amounts = (None if text is None else int(text) for text in (quoted_in, quoted_out, least_out, most_in, fee_paid))
    return ClaimedOrder._make((*plain, int(amount), *amounts, terms, plan, unreadable, None, 0.0, None, None, None))


@cache
def _statement(stage: Stage) -> str:
    read = ", ".join((_READ | dict.fromkeys(_NOT_READ[stage], "NULL")).values())
    lease = f"""
        lease_until = now() + %(lease_s)s * interval '1 second', lease_token = {BY_SESSION},
        claim_count = o.claim_count + 1
    """
    due = f"""
        due AS MATERIALIZED (
            SELECT id AS due_id, status AS was, updated_at AS since_before, claim_count AS crashes, due_at AS due_since
            FROM orders_order
            WHERE chain_id = %(chain_id)s AND {claimable(stage)} AND due_at <= now()
                AND (lease_until IS NULL OR lease_until < now())
            ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ), oldest AS MATERIALIZED (
            SELECT crashes AS of_crashes, (SELECT count(*) FROM due) AS seen FROM due ORDER BY due_since LIMIT 1
        ), taken AS (
            SELECT due.*, seen FROM due JOIN oldest ON crashes = of_crashes
            ORDER BY CASE WHEN crashes > 0 THEN random() END
            LIMIT (SELECT greatest(1, %(limit)s::int >> (least(of_crashes, 7) * {SUSPECT_BITS})) FROM oldest)
        )
    """
    if stage is not Stage.ROUTE:
        return f"""
            WITH {due}
            UPDATE orders_order o SET {lease} FROM taken WHERE id = due_id RETURNING {read}, seen
        """
    return f"""
        WITH {due}, claimed AS (
            UPDATE orders_order o
            SET {lease}, status = 'ROUTING', seq = seq + (was = 'PENDING')::int,
                updated_at = CASE WHEN was = 'PENDING' THEN clock_timestamp() ELSE updated_at END
            FROM taken WHERE id = due_id
            RETURNING o.*, was, since_before, seen
        ), entered AS (
            INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)
            SELECT id, account_id, seq, status, attempt, updated_at,
                   greatest(0, extract(epoch FROM updated_at - since_before) * 1000)::int, '{{}}'
            FROM claimed WHERE was = 'PENDING'
            RETURNING {EVENT_COLUMNS}
        )
        -- full: each event has its order, and no event is compared with all orders
        SELECT {read}, o.seen, e.* FROM claimed o FULL JOIN entered e ON e.order_id = o.id
    """


def release_orders(waits: Iterable[tuple[ClaimedOrder, float]]) -> None:
    """Give leases back without an event: each order is due again after its seconds, nothing else changed.

    Parked ones keep their slow rhythm.
    """
    if not (rows := [{"id": one.id, "token": one.lease_token, "delay_s": delay_s} for one, delay_s in waits]):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orders_order o
            SET lease_until = NULL, lease_token = NULL,
                claim_count = CASE WHEN parked_at IS NULL THEN 0 ELSE claim_count END,
                due_at = CASE WHEN parked_at IS NULL THEN now() + v.delay_s * interval '1 second' ELSE due_at END
            FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, token uuid, delay_s float8)
            WHERE o.id = v.id AND o.lease_token = v.token
            """,
            [recordset(rows)],
        )


def acquit_orders(orders: Sequence[ClaimedOrder]) -> None:
    """Not count a claim that the database itself ended: its disk may be full for longer than workers may die."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET claim_count = greatest(0, claim_count - 1), lease_until = NULL"
            " WHERE id = ANY(%s) AND lease_token = ANY(%s)",
            [[order.id for order in orders], [order.lease_token for order in orders]],
        )


def suspect_order(order_id: UUID) -> None:
    """Have an order that brought out a bug claimed apart from those that nothing ever happened to, as after a crash."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET claim_count = 1 WHERE id = %s AND claim_count = 0 AND lease_until IS NULL",
            [order_id],
        )
