"""Limits that hold under races: what an account has open, what a key may place in a day, and fees. All in SQL.

A counted account's row is locked before its orders are inserted, so that two requests never fill the same gap, and
gives back in the very transaction that ends an order (transition.py). Accounts without limits are not touched.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from dex import Side
from orders.database.recordset import recordset
from orders.models import Account, ApiKey
from orders.problems import Problem, ProblemError
from orders.risk.day_fees import FeeRoom, count_fees, fee_refusal, fee_worth, settle_fees
from orders.terms import NewOrder
from orders.values import ASK_FOR_VALUE, NO_VALUE, Worth, shown, value_of

ASK_FOR_MORE = "Ask the operator for a higher limit"
WAIT = "Wait until an open order has ended, or cancel one"
WAIT_A_DAY = "Wait for the next day (UTC), or use another key"


class Room(NamedTuple):
    """What is left; None: any amount. `most_open` and `most_a_day` are the limits of value themselves."""

    is_counted: bool
    fees: FeeRoom
    open_value: int | None
    open_orders: int | None
    day_value: int | None
    most_open: int | None = None
    most_a_day: int | None = None
    most_orders: int | None = None


class Demand(NamedTuple):
    """What an order counts: itself, and its network fees."""

    order: Worth
    fees: Worth


def has_day_limit(key: ApiKey | None) -> bool:
    """Whether what the key's orders of a day count is limited."""
    return key is not None and (key.max_day_value is not None or key.max_day_fees is not None)


_TODAY = "(now() AT TIME ZONE 'UTC')::date"
# The day that a row counts, or today where that is later, and what it counts of that day: a transaction that began
# before midnight may come after one that began later.
_FEES = f"greatest(fee_day, {_TODAY}), CASE WHEN fee_day >= {_TODAY} THEN day_fees ELSE 0 END"
_DAY_VALUE = f"CASE WHEN day >= {_TODAY} THEN day_value ELSE 0 END"


def lock_room(account: Account, key: ApiKey | None) -> Room:
    """Lock the account's row, and the key's where it has a limit per day; needs a transaction, which then inserts."""
    return _room(account, key, "FOR NO KEY UPDATE")


def read_room(account: Account, key: ApiKey | None) -> Room:
    """What is left at this moment, without a lock."""
    return _room(account, key, "")


def _room(account: Account, key: ApiKey | None, lock: str) -> Room:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_counted, max_open_value - open_value, max_open_orders - open_orders, max_open_value,"
            f" max_open_orders, max_day_fees, {_FEES} FROM orders_account WHERE id = %s {lock}",
            [account.id],
        )
        is_counted, value, count, most_open, most_orders, most_fees, fee_day, fees = cursor.fetchone()
        day_value = most_a_day = key_most = None
        key_day, key_fees = fee_day, 0
        if key is not None and has_day_limit(key):
            cursor.execute(
                f"SELECT max_day_value - {_DAY_VALUE}, max_day_value, max_day_fees, {_FEES}"
                f" FROM orders_apikey WHERE id = %s {lock}",
                [key.pk],
            )
            day_value, most_a_day, key_most, key_day, key_fees = cursor.fetchone()
    day = max(fee_day, key_day)
    fee_room = FeeRoom(
        day,
        None if most_fees is None else int(most_fees - (fees if fee_day == day else 0)),
        _int(most_fees),
        None if key_most is None else int(key_most - (key_fees if key_day == day else 0)),
        _int(key_most),
    )
    return Room(
        is_counted, fee_room, _int(value), count, _int(day_value), _int(most_open), _int(most_a_day), most_orders
    )


def demand(new: NewOrder) -> Demand:
    """What an order counts against all limits."""
    return Demand(worth(new), fee_worth(new))


def worth(new: NewOrder) -> Worth:
    """What an order counts: its fixed side, or what exact_out may give at most where that is more."""
    if new.value is None:
        return Worth(0, NO_VALUE, ASK_FOR_VALUE)
    if new.side is not Side.EXACT_OUT:
        return Worth(new.value)
    most = new.terms.max_amount_in
    if most is None:
        detail = "exact_out can be counted only with guards.max_amount_in, the most that it may give"
        return Worth(new.value, detail, "Add guards.max_amount_in")
    given = value_of(most, new.decimals_in, new.unit_value_in)
    if given is None:
        detail = f"{new.token_in} has no reference value, so what it may give cannot be counted"
        return Worth(new.value, detail, ASK_FOR_VALUE)
    return Worth(max(new.value, given))


def admit(room: Room, demands: Sequence[Demand]) -> list[Problem | None]:
    """Which of these orders fit, in their order: each takes its room before the next one is looked at."""
    answers: list[Problem | None] = []
    for item in demands:
        problem = _refusal(room, item.order) or fee_refusal(room.fees, item.fees)
        answers.append(problem)
        if problem is None:
            room = room._replace(
                fees=room.fees.less(item.fees.value),
                open_value=_less(room.open_value, item.order.value),
                open_orders=_less(room.open_orders, 1),
                day_value=_less(room.day_value, item.order.value),
            )
    return answers


def count(account: Account, key: ApiKey | None, room: Room, counted: Sequence[Demand]) -> None:
    """Add inserted orders to what is open and to the day. The locked rows have room for them, or nothing commits.

    Nothing inserted is nothing to count, also where more is open than a limit set later allows.
    """
    if not counted:
        return
    total = sum(item.order.value for item in counted)
    if room.fees.is_counted:
        count_fees(account, key, room.fees, sum(item.fees.value for item in counted))
    with connection.cursor() as cursor:
        if room.is_counted:
            cursor.execute(
                """
                UPDATE orders_account SET open_value = open_value + %(value)s, open_orders = open_orders + %(count)s
                WHERE id = %(id)s AND (max_open_value IS NULL OR open_value + %(value)s <= max_open_value)
                    AND (max_open_orders IS NULL OR open_orders + %(count)s <= max_open_orders)
                """,
                {"value": total, "count": len(counted), "id": account.id},
            )
            assert cursor.rowcount == 1
        if room.day_value is not None:
            assert key is not None
            cursor.execute(
                f"""
                UPDATE orders_apikey SET day = greatest(day, {_TODAY}), day_value = %(value)s + {_DAY_VALUE}
                WHERE id = %(id)s AND max_day_value >= %(value)s + {_DAY_VALUE}
                """,
                {"value": total, "id": key.pk},
            )
            assert cursor.rowcount == 1


def recount(account: Account, key: ApiKey | None, held: int | None, before: Demand, after: Demand) -> int | None:
    """What a stored order counts with other terms, for its `held_value`; None: nothing, as before.

    The difference is added to what is open, and what it grows by to the day of the key. `held` is what it counts. Fees
    are not counted again: their limit is none of the terms that change. Needs the lock on the order, and a transaction.
    Raises: ProblemError where it grows beyond a limit.
    """
    if held is None and not has_day_limit(key):
        return None
    room = lock_room(account, key)
    was = before.order.value if held is None else held
    grown = after.order.value - was
    room = room._replace(fees=FeeRoom(room.fees.day), open_orders=None)
    if grown > 0 or after.order.doubt:
        spare = room._replace(
            open_value=None if held is None else _less(room.open_value, -was), day_value=_less(room.day_value, -was)
        )
        if (problem := admit(spare, [after])[0]) is not None:
            raise ProblemError(problem)
    with connection.cursor() as cursor:
        if held is not None:
            cursor.execute("UPDATE orders_account SET open_value = open_value + %s WHERE id = %s", [grown, account.id])
        if key is not None and room.day_value is not None and grown > 0:
            cursor.execute(
                f"UPDATE orders_apikey SET day = greatest(day, {_TODAY}), day_value = %s + {_DAY_VALUE} WHERE id = %s",
                [grown, key.pk],
            )
    return None if held is None else after.order.value


def release(ended: Mapping[int, tuple[int, int]], charged: Mapping[UUID, int]) -> None:
    """Give back (orders, value) by account id, in the transaction that ended the orders; of `charged`, settle the fees.

    These are ended orders whose fees are counted, with their accounts. Rows are locked lowest id first.
    """
    if charged:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT FROM orders_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
                [sorted({*ended, *charged.values()})],
            )
        settle_fees(list(charged))
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


def _less(left: int | None, taken: int) -> int | None:
    return None if left is None else left - taken


def _int(value: object) -> int | None:
    return None if value is None else int(value)  # type: ignore[call-overload]  # NUMERIC is Decimal
