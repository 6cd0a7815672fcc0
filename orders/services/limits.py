"""Limits that hold under races: what an account has open, and what a key may place in a day. All in SQL.

A counted account's row is locked before its orders are inserted, so that two requests never fill the same gap, and
gives back in the very transaction that ends an order (transition.py). Accounts without limits are not touched.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from django.db import connection, transaction

from dex import Side
from orders.models import Account, ApiKey
from orders.problems import Problem
from orders.recordset import recordset
from orders.services.audit import Actor, Entry, record
from orders.services.claim import CONDITIONS
from orders.states import LIVE
from orders.terms import Terms
from orders.values import shown, value_of

NO_VALUE = "a token without a reference value cannot be counted"
ASK_FOR_VALUE = "Ask the operator for a reference value of the token (admin, Tokens), or trade another one"
ASK_FOR_MORE = "Ask the operator for a higher limit"
WAIT = "Wait until an open order has ended, or cancel one"
WAIT_A_DAY = "Wait for the next day (UTC), or use another key"


class Room(NamedTuple):
    """What is left; None: any amount. `most_open` and `most_a_day` are the limits of value themselves."""

    is_counted: bool
    open_value: int | None
    open_orders: int | None
    day_value: int | None
    most_open: int | None = None
    most_a_day: int | None = None
    most_orders: int | None = None


class Worth(NamedTuple):
    """What an order counts, in micro-units. `doubt` says why it may be more: then it does not pass a limit of value."""

    value: int
    doubt: str = ""
    hint: str = ""


def lock_room(account: Account, key: ApiKey | None) -> Room:
    """Lock the account's row, and the key's where it has a limit per day; needs a transaction, which then inserts."""
    return _room(account, key, "FOR NO KEY UPDATE")


def read_room(account: Account, key: ApiKey | None) -> Room:
    """What is left at this moment; whoever only looks holds up nobody."""
    return _room(account, key, "")


def _room(account: Account, key: ApiKey | None, lock: str) -> Room:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_counted, max_open_value - open_value, max_open_orders - open_orders, max_open_value,"
            " max_open_orders"
            f" FROM orders_account WHERE id = %s {lock}",
            [account.id],
        )
        is_counted, value, count, most_open, most_orders = cursor.fetchone()
        day_value = most_a_day = None
        if key is not None and key.max_day_value is not None:
            cursor.execute(
                "SELECT max_day_value - CASE WHEN day = (now() AT TIME ZONE 'UTC')::date THEN day_value ELSE 0 END"
                f" FROM orders_apikey WHERE id = %s {lock}",
                [key.pk],
            )
            day_value, most_a_day = cursor.fetchone()[0], key.max_day_value
    return Room(is_counted, _int(value), count, _int(day_value), _int(most_open), _int(most_a_day), most_orders)


def worth(terms: Terms) -> Worth:
    """What an order counts: its fixed side, or what exact_out may give at most where that is more."""
    if terms.value is None:
        return Worth(0, NO_VALUE, ASK_FOR_VALUE)
    if terms.side is not Side.EXACT_OUT:
        return Worth(terms.value)
    most = terms.extra.get("max_amount_in")
    if most is None:
        detail = "exact_out can be counted only with guards.max_amount_in, the most that it may give"
        return Worth(terms.value, detail, "Add guards.max_amount_in")
    given = value_of(int(most), terms.decimals_in, terms.unit_value_in)
    if given is None:
        detail = f"{terms.token_in} has no reference value, so what it may give cannot be counted"
        return Worth(terms.value, detail, ASK_FOR_VALUE)
    return Worth(max(terms.value, given))


def admit(room: Room, worths: Sequence[Worth]) -> list[Problem | None]:
    """Which of these orders fit, in their order: each takes its room before the next one is looked at."""
    answers: list[Problem | None] = []
    for item in worths:
        problem = _refusal(room, item)
        answers.append(problem)
        if problem is None:
            room = room._replace(
                open_value=_less(room.open_value, item.value),
                open_orders=_less(room.open_orders, 1),
                day_value=_less(room.day_value, item.value),
            )
    return answers


def count(account: Account, key: ApiKey | None, room: Room, values: Sequence[int]) -> None:
    """Add inserted orders to what is open and to the day. The locked rows have room for them, or nothing commits.

    Nothing inserted is nothing to count, also where more is open than a limit set later allows.
    """
    if not values:
        return
    total = sum(values)
    with connection.cursor() as cursor:
        if room.is_counted:
            cursor.execute(
                """
                UPDATE orders_account SET open_value = open_value + %(value)s, open_orders = open_orders + %(count)s
                WHERE id = %(id)s AND (max_open_value IS NULL OR open_value + %(value)s <= max_open_value)
                    AND (max_open_orders IS NULL OR open_orders + %(count)s <= max_open_orders)
                """,
                {"value": total, "count": len(values), "id": account.id},
            )
            assert cursor.rowcount == 1
        if room.day_value is not None:
            assert key is not None
            cursor.execute(
                """
                UPDATE orders_apikey SET day = (now() AT TIME ZONE 'UTC')::date,
                    day_value = %(value)s + CASE WHEN day = (now() AT TIME ZONE 'UTC')::date THEN day_value ELSE 0 END
                WHERE id = %(id)s AND max_day_value >=
                    %(value)s + CASE WHEN day = (now() AT TIME ZONE 'UTC')::date THEN day_value ELSE 0 END
                """,
                {"value": total, "id": key.pk},
            )
            assert cursor.rowcount == 1


def release(ended: Mapping[int, tuple[int, int]]) -> None:
    """Give back (orders, value) by account id, lowest id first, in the transaction that ended the orders."""
    if not ended:
        return
    rows = [{"id": account_id, "n": n, "value": str(value)} for account_id, (n, value) in ended.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH v AS (
                SELECT * FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, n int, value numeric)
            ), locked AS MATERIALIZED (
                SELECT id FROM orders_account WHERE id IN (SELECT id FROM v) ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE orders_account a SET open_orders = open_orders - v.n, open_value = open_value - v.value
            FROM v JOIN locked USING (id) WHERE a.id = v.id
            """,
            [recordset(rows)],
        )


class Keep(Enum):
    """Stands for a limit that stays as it is: None is one that is lifted."""

    KEEP = "keep"


def set_limits(
    account: Account,
    *,
    max_open_value: int | Keep | None = Keep.KEEP,
    max_open_orders: int | Keep | None = Keep.KEEP,
    actor: Actor,
) -> None:
    """Set or lift (None) an account's limits; what is not named stays as it is when the row is locked.

    Open orders beyond them go on; only new ones are refused. The lock waits for inserts that are under way and holds
    up later ones, so that no order is missed when counting begins; orders that are open then count nothing where their
    token has no reference value.
    """
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        before = _limits_json(row)
        if not isinstance(max_open_value, Keep):
            row.max_open_value = max_open_value
        if not isinstance(max_open_orders, Keep):
            row.max_open_orders = max_open_orders
        if not row.is_counted and not (row.max_open_value is None and row.max_open_orders is None):
            row.open_orders, row.open_value = _begin_counting(row)
            row.is_counted = True
        row.save()
        record(actor, [Entry("limits.set", f"account:{row.name}", before, _limits_json(row), row.id)])


class Miscount(NamedTuple):
    """An account whose open amounts are not the sums of its live orders."""

    account_id: int
    name: str
    open_orders: int
    open_value: int
    true_orders: int
    true_value: int

    def __str__(self) -> str:
        counted, true = (
            f"{self.open_orders} open orders of {self.open_value}",
            f"{self.true_orders} of {self.true_value}",
        )
        return f"account {self.name} counts {counted}, its orders say {true}"


def miscounted() -> list[Miscount]:
    """Accounts whose counts are wrong. One snapshot, no locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH held AS (
                SELECT account_id, count(*) AS orders, sum(held_value) AS value FROM orders_order
                WHERE ({" OR ".join(f"({condition})" for condition in CONDITIONS.values())})
                    AND held_value IS NOT NULL GROUP BY account_id
            )
            SELECT a.id, a.name, a.open_orders, a.open_value, coalesce(h.orders, 0), coalesce(h.value, 0)
            FROM orders_account a LEFT JOIN held h ON h.account_id = a.id
            WHERE a.open_orders <> coalesce(h.orders, 0) OR a.open_value <> coalesce(h.value, 0)
            ORDER BY a.name
            """
        )
        return [
            Miscount(account_id, name, orders, int(value), true_orders, int(true_value))
            for account_id, name, orders, value, true_orders, true_value in cursor.fetchall()
        ]


def _begin_counting(account: Account) -> tuple[int, int]:
    """Count the live orders that were placed without limits: how many, and their value.

    Purchases count what they may give as far as that is stated, or known from their route.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH t AS (
                SELECT symbol, value, ('1' || repeat('0', decimals + 6))::numeric AS scale FROM orders_token
            )
            UPDATE orders_order o SET held_value = greatest(0,
                div(CASE o.side WHEN 'exact_in' THEN o.amount
                    ELSE coalesce((o.terms->>'max_amount_in')::numeric, o.max_amount_in) END
                    * i.value + i.scale - 1, i.scale),
                CASE o.side WHEN 'exact_out' THEN div(o.amount * u.value + u.scale - 1, u.scale) END)
            FROM t i, t u
            WHERE i.symbol = o.token_in AND u.symbol = o.token_out AND o.account_id = %s AND o.status = ANY(%s)
            RETURNING held_value
            """,
            [account.id, list(LIVE)],
        )
        values = [int(value) for (value,) in cursor.fetchall()]
    return len(values), sum(values)


def _refusal(room: Room, item: Worth) -> Problem | None:
    if room.open_orders is not None and room.open_orders < 1:
        hint = ASK_FOR_MORE if room.most_orders == 0 else WAIT
        return Problem(
            "limit_exceeded", "the account may not have more open orders", hint, facts={"limit": "open_orders"}
        )
    for name, words, left, most, wait in (
        ("open_value", "the account's open orders", room.open_value, room.most_open, WAIT),
        ("day_value", "this key's orders of one day", room.day_value, room.most_a_day, WAIT_A_DAY),
    ):
        if left is None:
            continue
        facts = {"limit": name, "left": shown(max(0, left))}
        if item.doubt:
            return Problem("limit_exceeded", item.doubt, item.hint, facts=facts)
        if item.value > left:
            detail = f"the order is worth {shown(item.value)}, and {shown(max(0, left))} is left for {words}"
            ways = [f"Send orders worth {shown(left)} at most"] if left > 0 else []
            ways += [wait] if most is None or item.value <= most else []
            hint = "; or: ".join(ways) or ASK_FOR_MORE
            return Problem("limit_exceeded", detail, hint, facts=facts | {"value": shown(item.value)})
    return None


def _limits_json(account: Account) -> dict[str, str | int | None]:
    value = account.max_open_value
    return {
        "max_open_value": None if value is None else shown(value),
        "max_open_orders": account.max_open_orders,
    }


def _less(left: int | None, taken: int) -> int | None:
    return None if left is None else left - taken


def _int(value: object) -> int | None:
    return None if value is None else int(value)  # type: ignore[call-overload]  # NUMERIC is Decimal
