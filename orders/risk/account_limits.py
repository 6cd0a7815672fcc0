"""Sets the limits of accounts, and compares what is counted with the orders."""

from enum import Enum
from typing import NamedTuple

from django.db import connection, transaction

from orders.audit.record import Actor, Entry, record
from orders.models import Account
from orders.models.due import OPEN_SQL
from orders.values import shown


class Keep(Enum):
    """Stands for a limit that stays as it is: None is one that is lifted."""

    KEEP = "keep"


def set_limits(
    account: Account,
    *,
    max_open_value: int | Keep | None = Keep.KEEP,
    max_open_orders: int | Keep | None = Keep.KEEP,
    max_day_fees: int | Keep | None = Keep.KEEP,
    actor: Actor,
) -> None:
    """Set or lift (None) an account's limits; what is not named stays as it is when the row is locked.

    Open orders beyond them go on; only new ones are refused. The lock waits for inserts that are under way and holds
    up later ones, so that no order is missed when counting begins; orders that are open then count nothing where their
    token has no reference value. Fees count from the limit on: orders that were placed without one count none.
    """
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        before = _limits_json(row)
        if not isinstance(max_open_value, Keep):
            row.max_open_value = max_open_value
        if not isinstance(max_open_orders, Keep):
            row.max_open_orders = max_open_orders
        if not isinstance(max_day_fees, Keep):
            row.max_day_fees = max_day_fees
        limits = (row.max_open_value, row.max_open_orders, row.max_day_fees)
        if not row.is_counted and limits != (None, None, None):
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

    @property
    def off(self) -> dict[str, int | str]:
        """By how much: that stays the same while the account trades on."""
        return {
            "open_orders_off": self.open_orders - self.true_orders,
            "open_value_off": str(self.open_value - self.true_value),
        }

    def __str__(self) -> str:
        counted, true = (
            f"{self.open_orders} open orders of {self.open_value}",
            f"{self.true_orders} of {self.true_value}",
        )
        return f"account {self.name} counts {counted}, its orders say {true}"


class FeeMiscount(NamedTuple):
    """An account, or a key of one (`whose`), of which a day's fees are not the sum of what its orders count."""

    account_id: int
    name: str
    whose: str
    fees: int
    true_fees: int

    @property
    def off(self) -> dict[str, str]:
        """By how much: that stays the same while the account trades on."""
        return {"whose": self.whose, "day_fees_off": str(self.fees - self.true_fees)}

    def __str__(self) -> str:
        return (
            f"account {self.name} counts {self.fees} of a day's fees for {self.whose}, its orders say {self.true_fees}"
        )


def miscounted() -> list[Miscount | FeeMiscount]:
    """Accounts whose counts are wrong. Without locks, each kind on one snapshot."""
    return [*_miscounted_open(), *_miscounted_fees()]


def _miscounted_open() -> list[Miscount]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH held AS (
                SELECT account_id, count(*) AS orders, sum(held_value) AS value FROM orders_order
                WHERE ({OPEN_SQL})
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


def _miscounted_fees() -> list[FeeMiscount]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT * FROM (
                SELECT a.id, a.name, 'the account' AS whose, a.day_fees, (
                    SELECT coalesce(sum(o.counted_fee), 0) FROM orders_order o
                    WHERE o.account_id = a.id AND o.counted_day = a.fee_day AND o.counted_fee IS NOT NULL) AS fees
                FROM orders_account a WHERE a.fee_day IS NOT NULL
                UNION ALL
                SELECT a.id, a.name, 'key ' || k.prefix, k.day_fees, (
                    SELECT coalesce(sum(o.counted_fee), 0) FROM orders_order o
                    WHERE o.account_id = a.id AND o.counted_day = k.fee_day AND o.counted_key = k.prefix
                        AND o.counted_fee IS NOT NULL)
                FROM orders_apikey k JOIN orders_account a ON a.id = k.account_id WHERE k.fee_day IS NOT NULL
            ) counted WHERE day_fees <> fees ORDER BY name, whose
            """
        )
        return [
            FeeMiscount(id_, name, whose, int(fees), int(true)) for id_, name, whose, fees, true in cursor.fetchall()
        ]


def _begin_counting(account: Account) -> tuple[int, int]:
    """Count the live orders that were placed without limits: how many, and their value.

    Purchases count what they may give as far as that is stated, or known from their route. A child counts with its
    parent.
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
            WHERE i.symbol = o.token_in AND u.symbol = o.token_out AND o.account_id = %s AND o.outcome IS NULL
                AND o.parent_id IS NULL
            RETURNING held_value
            """,
            [account.id],
        )
        values = [int(value) for (value,) in cursor.fetchall()]
    return len(values), sum(values)


def _limits_json(account: Account) -> dict[str, str | int | None]:
    value, fees = account.max_open_value, account.max_day_fees
    return {
        "max_open_value": None if value is None else shown(value),
        "max_open_orders": account.max_open_orders,
        "max_day_fees": None if fees is None else shown(fees),
    }
