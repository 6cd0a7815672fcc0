"""The statement that reads a page of orders: for each part of the rows one index, in order, and no more than a page.

Orders that have ended are found by indexes alone, with any combination of filters: orders_order has them by account,
outcome and pair, orders_orderlabel the same by tag. Open orders are few, so one index has them by account, and the
other filters are held against their rows. There is one type of orders; a second one needs indexes, and so does a new
filter: a test of the plans fails without them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson
from django.db import connection

from orders.models import Order, label_of
from orders.models.listed import FAILED_SQL, FILLED_SQL, OPEN_SQL
from orders.order_list.wanted import PARTIAL_OUTCOME, Part, Wanted


class Place(NamedTuple):
    """Where an order stands in lists: by the database's time of its insert, and by id within one moment."""

    at: datetime
    order_id: UUID


class Statement(NamedTuple):
    """SQL and its parameters."""

    sql: str
    values: list[Any]


def read_page(
    account_id: int, wanted: Wanted, limit: int, place: Place | None = None, *, is_newer: bool = False
) -> list[Order]:
    """Up to `limit` orders, newest first: the newest of all, those after a place, or (`is_newer`) those before it."""
    statement = page_statement(account_id, wanted, limit, place, is_newer=is_newer)
    orders = list(Order.objects.raw(*statement)) if statement else []
    return orders[::-1] if is_newer else orders


def page_statement(
    account_id: int, wanted: Wanted, limit: int, place: Place | None = None, *, is_newer: bool = False
) -> Statement | None:
    """What `read_page` runs; None where no order can fit."""
    branches = _branches(account_id, wanted)
    if not branches:
        return None
    direction = "ASC" if is_newer else "DESC"
    # A number and no parameter: a plan for any limit would sort all rows.
    ordered = f"ORDER BY at {direction}, id {direction} LIMIT {int(limit)}"
    for branch in branches:
        branch.narrow(wanted, place, ">" if is_newer else "<")
    page = " UNION ALL ".join(f"({branch.sql} {ordered})" for branch in branches)
    if len(branches) > 1:
        page += f" {ordered}"
    return Statement(
        f"SELECT {_columns()} FROM ({page}) page JOIN orders_order o ON o.id = page.id"
        f" ORDER BY page.at {direction}, page.id {direction}",
        [value for branch in branches for value in branch.values],
    )


def cancellable_ids(account_id: int, wanted: Wanted, limit: int) -> list[UUID]:
    """Up to `limit` open orders of which no cancel is stored yet, oldest first."""
    has_few = wanted.client_order_id is not None or wanted.parent is not None
    branch = _few_orders(account_id, wanted) if has_few else _open(account_id, wanted)
    branch.add(OPEN_SQL).add("l.cancel_requested_at IS NULL").narrow(wanted, None, "")
    with connection.cursor() as cursor:
        cursor.execute(f"{branch.sql} ORDER BY at, id LIMIT {int(limit)}", branch.values)
        return [order_id for _, order_id in cursor.fetchall()]


@dataclass
class _Branch:
    """Rows of one table, of which one index has those that fit in order; `order_id` is the column of the id."""

    table: str
    order_id: str
    account_id: int
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.add("l.account_id = %s", self.account_id)

    @property
    def sql(self) -> str:
        where = " AND ".join(self.conditions)
        return f"SELECT l.created_at AS at, l.{self.order_id} AS id FROM {self.table} l WHERE {where}"

    def add(self, condition: str, *values: Any) -> Self:
        self.conditions.append(condition)
        self.values += values
        return self

    def narrow(self, wanted: Wanted, place: Place | None, beyond: str) -> None:
        """By what all branches have: pair, time and place."""
        if wanted.pair is not None:
            self.add("l.token_in = %s AND l.token_out = %s", *wanted.pair)
        if wanted.created_after is not None:
            self.add("l.created_at >= %s", wanted.created_after)
        if wanted.created_before is not None:
            self.add("l.created_at < %s", wanted.created_before)
        if place is not None:
            self.add(f"(l.created_at, l.{self.order_id}) {beyond} (%s, %s)", *place)


def _branches(account_id: int, wanted: Wanted) -> list[_Branch]:
    if wanted.client_order_id is not None or wanted.parent is not None:
        return [_few_orders(account_id, wanted)]
    return [
        _open(account_id, wanted) if part is Part.OPEN else _ended(account_id, wanted, part)
        for part in wanted.parts()
        if part is not Part.PARTIAL or not wanted.has_all_ended  # they are among those of Part.FAILED then
    ]


def _rows(account_id: int, wanted: Wanted) -> _Branch:
    branch = _Branch("orders_order", "id", account_id)
    return branch if wanted.order_type is None else branch.add("l.order_type = %s", wanted.order_type)


def _few_orders(account_id: int, wanted: Wanted) -> _Branch:
    """At most one has the caller's id, and a parent has few children: the other filters are held against them."""
    branch = _rows(account_id, wanted)
    if wanted.client_order_id is not None:
        branch.add("l.client_order_id = %s", wanted.client_order_id)
    if wanted.parent is not None:
        # As an array, for which no plan walks through all of the account's orders.
        branch.add("l.id = ANY(ARRAY(SELECT c.id FROM orders_order c WHERE c.parent_id = %s))", wanted.parent)
    if wanted.statuses:
        branch.add("l.status = ANY(%s::text[])", sorted(wanted.statuses))
    if wanted.outcome is not None:
        branch.add("l.outcome = %s", wanted.outcome)
    return _tagged(branch, wanted)


def _open(account_id: int, wanted: Wanted) -> _Branch:
    branch = _rows(account_id, wanted).add(OPEN_SQL)
    if wanted.live_statuses:
        branch.add("l.status = ANY(%s::text[])", wanted.live_statuses)
    return _tagged(branch, wanted)


def _ended(account_id: int, wanted: Wanted, part: Part) -> _Branch:
    if wanted.tag is None:
        branch = _rows(account_id, wanted)
    else:
        branch = _Branch("orders_orderlabel", "order_id", account_id).add("l.label = %s", label_of(*wanted.tag))
        if wanted.order_type is not None:
            is_of_type = "SELECT FROM orders_order t WHERE t.id = l.order_id AND t.order_type = %s"
            branch.add(f"EXISTS ({is_of_type})", wanted.order_type)
    if part is Part.FILLED:
        return branch.add(FILLED_SQL)
    if part is Part.PARTIAL:
        return branch.add("l.outcome = %s", PARTIAL_OUTCOME)
    if wanted.outcome is None:
        branch.add(FAILED_SQL)
        return branch if wanted.has_all_ended else branch.add("l.outcome <> %s", PARTIAL_OUTCOME)
    # An outcome says that it is not the other one, and both conditions would be taken for fewer rows than there are.
    return branch.add("l.outcome = %s", wanted.outcome)


def _tagged(branch: _Branch, wanted: Wanted) -> _Branch:
    """As the terms of an order say. The tag is a value here, never part of the statement."""
    if wanted.tag is None:
        return branch
    name, value = wanted.tag
    if value is None:
        return branch.add("l.terms -> 'tags' ? %s", name)
    return branch.add("l.terms @> %s::jsonb", orjson.dumps({"tags": {name: value}}).decode())


@cache
def _columns() -> str:
    """By name, since a prepared statement with all of them fails once there is another one."""
    return ", ".join(f"o.{column.column}" for column in Order._meta.concrete_fields)
