"""Limits on the network fees of a day's orders, of accounts and keys: reserved at intake, settled with what was paid.

An order counts `fee.max_native` from its insert on, and what its transactions have cost once it has ended and none of
them can cost any more, always on the day (UTC) of its insert. The rows of account and key are locked as for the other
limits (limits.py): the account first, without which no transaction changes what its keys count.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from orders.database.recordset import id_array
from orders.models import Account, ApiKey
from orders.problems import Problem
from orders.terms import NewOrder
from orders.values import ASK_FOR_VALUE, Worth, shown, value_of

NO_LIMIT = "network fees can be counted only with fee.max_native, the most that the order's swaps may cost"
WAIT_A_DAY = "Wait for the next day (UTC)"


class FeeRoom(NamedTuple):
    """The limits on the fees of `day`, and what is left of them, in micro-units; None: any amount."""

    day: date
    account_left: int | None = None
    account_most: int | None = None
    key_left: int | None = None
    key_most: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether fees are counted: against either limit, both count."""
        return self.account_left is not None or self.key_left is not None

    def less(self, value: int) -> "FeeRoom":
        """What is left beside an order that counts `value`."""
        account, key = self.account_left, self.key_left
        return self._replace(
            account_left=None if account is None else account - value, key_left=None if key is None else key - value
        )


def fee_worth(new: NewOrder) -> Worth:
    """What an order's fees count at most."""
    most, native = new.terms.max_network_fee, new.native
    if most is None or native is None:
        return Worth(0, NO_LIMIT, "Add fee.max_native")
    value = value_of(most, native.decimals, new.native_value)
    if value is None:
        return Worth(0, f"{native.symbol} has no reference value, so fees in it cannot be counted", ASK_FOR_VALUE)
    return Worth(value)


def fee_refusal(room: FeeRoom, item: Worth) -> Problem | None:
    """Why an order's fees do not fit; None where they do."""
    for name, whose, left, most in (
        ("account_day_fees", "the account's", room.account_left, room.account_most),
        ("key_day_fees", "this key's", room.key_left, room.key_most),
    ):
        if left is None or most is None:
            continue
        facts = {"limit": name, "left": shown(max(0, left))}
        if item.doubt:
            return Problem("limit_exceeded", item.doubt, item.hint, facts=facts)
        if item.value > left:
            detail = (
                f"fee.max_native counts {shown(item.value)}, and {shown(max(0, left))} is left for {whose} network"
                " fees of one day"
            )
            hint = WAIT_A_DAY if item.value <= most else "Ask the operator for a higher limit"
            lower = "Lower fee.max_native; or: " if left > 0 else ""
            return Problem("limit_exceeded", detail, lower + hint, facts=facts | {"value": shown(item.value)})
    return None


def count_fees(account: Account, key: ApiKey | None, room: FeeRoom, total: int) -> None:
    """Add what inserted orders may cost to the day. The locked rows have room for it, or nothing commits."""
    rows: list[tuple[str, int | str]] = [("orders_account", account.pk)]
    if key is not None and room.key_left is not None:
        rows.append(("orders_apikey", key.pk))
    with connection.cursor() as cursor:
        for table, row_id in rows:
            cursor.execute(
                f"""
                UPDATE {table} SET fee_day = %(day)s,
                    day_fees = %(fees)s + CASE WHEN fee_day = %(day)s THEN day_fees ELSE 0 END
                WHERE id = %(id)s AND (max_day_fees IS NULL
                    OR %(fees)s + CASE WHEN fee_day = %(day)s THEN day_fees ELSE 0 END <= max_day_fees)
                """,
                {"day": room.day, "fees": total, "id": row_id},
            )
            assert cursor.rowcount == 1


def settle_fees(order_ids: Sequence[UUID]) -> None:
    """Have ended orders count what their transactions have cost, at today's reference value of the native token.

    What an order counts is stored with it, and only the difference is added to its day: however often this is called.
    Needs a transaction. The statement updates keys before anything else, but none before the accounts are locked.
    """
    if not order_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH ended AS MATERIALIZED (
                SELECT id, account_id, counted_key, counted_day, counted_fee AS before, network_fee_paid AS paid,
                       native_token
                FROM orders_order WHERE id = ANY(%s::uuid[]) AND counted_fee IS NOT NULL ORDER BY id FOR UPDATE
            ), d AS MATERIALIZED (
                SELECT e.*, CASE WHEN e.paid IS NULL THEN 0 WHEN t.value IS NULL THEN e.before
                            ELSE div(e.paid * t.value + t.scale - 1, t.scale) END AS after
                FROM ended e LEFT JOIN (
                    SELECT symbol, value, ('1' || repeat('0', decimals + 6))::numeric AS scale FROM orders_token
                ) t ON t.symbol = e.native_token
            ), stored AS (
                UPDATE orders_order o SET counted_fee = d.after FROM d WHERE o.id = d.id AND d.after <> d.before
            ), locked AS MATERIALIZED (
                SELECT id FROM orders_account WHERE id IN (SELECT account_id FROM d) ORDER BY id FOR NO KEY UPDATE
            ), accounts AS (
                UPDATE orders_account a SET day_fees = a.day_fees + v.more
                FROM (SELECT account_id, counted_day, sum(after - before) AS more FROM d GROUP BY 1, 2) v
                JOIN locked ON locked.id = v.account_id
                WHERE a.id = v.account_id AND a.fee_day = v.counted_day
            )
            UPDATE orders_apikey k SET day_fees = k.day_fees + v.more
            FROM (SELECT counted_key, counted_day, sum(after - before) AS more FROM d GROUP BY 1, 2) v,
                (SELECT count(*) FROM locked) l
            WHERE k.prefix = v.counted_key AND k.fee_day = v.counted_day
            """,
            [id_array(order_ids)],
        )
