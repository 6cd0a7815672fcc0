"""Every read that more than one caller needs."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import date, datetime
from shlex import quote
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from dex import FeeStrategy
from dex import Token as NativeToken
from orders.database.pooling import is_pooled
from orders.database.rows import ALWAYS, Condition, Rows
from orders.database.session import session
from orders.event_log.event import Event
from orders.event_log.log import begin_order_events
from orders.models import Account, ArchivedOrder, ArchiveFile, Order, Token, TradingControl, Wallet, heartbeat_name
from orders.pauses import Control, Controls
from orders.problems import Problem, ProblemError

MAINTENANCE = "upkeep"  # as running installations have it stored


_TOKENS = Rows(Token)
_UNSHOWN = (
    *("request_hash", "held_value", "allotted", "counted_fee", "counted_day", "counted_key", "due_at", "lease_until"),
    *("lease_token", "claim_count", "parked_at", "waiting_since", "trigger_kind", "trigger_at_price"),
    *("placed_key", "arrival_amount", "saved_amount"),
)


def token_decimals() -> dict[str, int]:
    """Exponent of every registered token, also of disabled ones, which old routes may still name."""
    return dict(Token.objects.values_list("symbol", "decimals"))


def decimals_on(native: NativeToken) -> dict[str, int]:
    """Exponent of every registered token, and of the chain's own, which need not be one of them."""
    return {native.symbol: native.decimals} | token_decimals()


class KnownTokens(NamedTuple):
    """The registered tokens by symbol, and the condition under which they are still the same."""

    by_symbol: dict[str, Token]
    holds: Condition


_STATED = f"(SELECT md5(string_agg(ROW({_TOKENS.columns('t')})::text, ',' ORDER BY t.symbol)) FROM orders_token t)"


def read_tokens() -> KnownTokens:
    """Registered tokens. Requests for orders ask, and the ORM would build its statement again each time."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_TOKENS.columns('t')}, {_STATED} FROM orders_token t ORDER BY symbol")
        rows = cursor.fetchall()
    by_symbol = {row[0]: _TOKENS.read(row) for row in rows}
    return KnownTokens(by_symbol, Condition(f"{_STATED} = %s", [rows[0][-1] if rows else None]))


def tokens() -> dict[str, Token]:
    """Registered tokens by symbol."""
    return read_tokens().by_symbol


def orders_of(account: Account) -> QuerySet[Order]:
    """The account's orders; a foreign one does not exist for the caller."""
    return Order.objects.filter(account=account)


def find_order(account: Account, order_id: UUID, *, lock: bool = False) -> Order:
    """The account's order, its row locked on demand. Raises: ProblemError `not_found` or `archived`."""
    rows = orders_of(account).filter(pk=order_id)
    order = (rows.select_for_update(no_key=True) if lock else rows).first()
    if order is None:
        raise ProblemError(missing_order(account, order_id))
    return order


def missing_order(account: Account, order_id: UUID) -> Problem:
    """Why an order is not among the account's: it is archived, or is none of them."""
    noted = ArchivedOrder.objects.select_related("file").filter(account=account, pk=order_id).first()
    return Problem("not_found", f"you have no order {order_id}") if noted is None else archived(noted)


def archived_by_client_id(account: Account, client_order_ids: Sequence[str]) -> dict[str | None, Problem]:
    """What is said of those whose order is archived: the id stays taken."""
    if not client_order_ids:
        return {}
    rows = ArchivedOrder.objects.select_related("file").filter(account=account)
    return {noted.client_order_id: archived(noted) for noted in rows.filter(client_order_id__any_of=client_order_ids)}


def archived(noted: ArchivedOrder) -> Problem:
    """What is said of an order that is in a file."""
    month = f"{noted.file.month:%Y-%m}"
    facts = {"order_id": str(noted.order_id), "month": month}
    return Problem("archived", f"order {noted.order_id} has ended and is in the archive of {month}", facts=facts)


def archived_months(after: datetime | None, before: datetime | None) -> list[date]:
    """The months within a range of which orders are in archive files; None: without that end."""
    files = ArchiveFile.objects.order_by("month")
    if after is not None:
        files = files.filter(month__gte=after.date().replace(day=1))
    if before is not None:
        files = files.filter(month__lt=before.date())
    return list(dict.fromkeys(files.values_list("month", flat=True)))


class Shown(NamedTuple):
    """An order as it is shown, and the pauses in force."""

    order: Order
    controls: Controls


# What its JSON is made of. The rest, which is of no concern to its owner, is read on its first access.
_SHOWN = Rows(Order, _UNSHOWN)
_SHOWN_ORDER = f"""
    SELECT {_SHOWN.columns("o")}, coalesce(
        (SELECT json_agg(json_build_array(chain_id, account_id, venue))::text FROM orders_tradingcontrol), '[]'
    )
    FROM orders_order o WHERE o.id = %s AND o.account_id = %s
"""


def shown_order(account_id: int, order_id: UUID, holds: Condition = ALWAYS) -> Shown | None:
    """The order, unless the account has none of this id, or the condition does not hold."""
    return _begin_shown(account_id, order_id, holds)()


def shown_with_events(
    account_id: int, order_id: UUID, seq: int, holds: Condition = ALWAYS
) -> tuple[Shown, list[Event]] | None:
    """The same with the order's events of a higher seq, in one round trip; the events may be ahead of what is shown.

    Behind a pooler each statement goes out alone, and BEGIN and COMMIT would be two more.
    """
    with nullcontext() if is_pooled() else transaction.atomic():
        shown, events = _begin_shown(account_id, order_id, holds), begin_order_events(order_id, seq)
    found = shown()
    return None if found is None else (found, events())


def _begin_shown(account_id: int, order_id: UUID, holds: Condition) -> Callable[[], Shown | None]:
    answer = session.later(f"{_SHOWN_ORDER} AND {holds.sql}", [order_id, account_id, *holds.parameters])

    def read() -> Shown | None:
        rows = answer.rows()
        if not rows:
            return None
        return Shown(_SHOWN.read(rows[0]), Controls([Control(*one) for one in orjson.loads(rows[0][-1])]))

    return read


class FeeTerms(NamedTuple):
    """What an owner said about network fees; `most` in native atoms, None: no limit."""

    strategy: FeeStrategy
    most: int | None


def fee_terms_of(order_ids: Sequence[UUID]) -> dict[UUID, FeeTerms]:
    """What the owners of these orders said about fees, also in terms of which this program does not know the rest."""
    rows = Order.objects.filter(pk__any_of=order_ids).values_list("id", "terms__fee_strategy", "terms__max_network_fee")
    return {
        order_id: FeeTerms(_strategy(strategy), None if most is None else int(most))
        for order_id, strategy, most in rows
    }


def _strategy(word: str | None) -> FeeStrategy:
    """A word of a later version offers the usual fee."""
    return FeeStrategy(word) if word in set(FeeStrategy) else FeeStrategy.NORMAL


def controls_of(account: Account) -> QuerySet[TradingControl]:
    """The pauses that concern an account: its own, and those of all accounts."""
    concern = Q(account=account) | Q(account__isnull=True)
    return TradingControl.objects.filter(concern).select_related("account").order_by("id")


def pauses_of_all(chain_id: str) -> list[TradingControl]:
    """The pauses that hold every order of the engine's chain."""
    return list(TradingControl.objects.filter(chain_id__in=("", chain_id), account__isnull=True, venue=""))


def read_controls() -> Controls:
    """The pauses in force at this moment, without a lock: for readers, and to save work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT chain_id, account_id, venue FROM orders_tradingcontrol")
        rows: Sequence[tuple[str, int | None, str]] = cursor.fetchall()
    return Controls([Control(*row) for row in rows])


def how_to_resume(row: TradingControl) -> str:
    """The command that ends this very pause."""
    name = row.venue or row.chain_id
    if row.account is not None:
        wallets = Wallet.objects.filter(account=row.account, chain_id=row.chain_id)
        name = wallets.values_list("address", flat=True).first() or row.account.name
    return f"manage.py resume {row.scope} {quote(name) if name else ''}".rstrip() + " --reason WHY"


def events_up_to(order: Order) -> list[Event]:
    """All events that the order, as it was read, has had."""
    return [event for event in begin_order_events(order.id, 0)() if event.seq <= order.seq]


def children_of(order: Order) -> list[Order]:
    """A parent's children, oldest first."""
    return list(Order.objects.filter(parent=order).order_by("id")) if order.is_parent else []


def siblings_of(order: Order) -> list[Order]:
    """Those that it is linked with."""
    if order.link_id is None:
        return []
    return list(Order.objects.filter(link_id=order.link_id).exclude(pk=order.pk).order_by("link_rank", "id"))


def open_order_ids(account: Account) -> list[UUID]:
    """The account's orders that have not ended, oldest first."""
    open_orders = orders_of(account).filter(outcome__isnull=True).order_by("created_at", "id")
    return list(open_orders.values_list("id", flat=True))


def orders_by_id(account: Account, order_ids: Sequence[UUID]) -> list[Order]:
    """These orders of the account, oldest first."""
    return list(orders_of(account).filter(pk__any_of=order_ids).order_by("id"))


def worker_age_s(chain_id: str) -> float | None:
    """Seconds since maintenance of the chain's engine last ran, by the database's clock; None when it never did."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - at) FROM orders_heartbeat WHERE name = %s",
            [heartbeat_name(MAINTENANCE, chain_id)],
        )
        row = cursor.fetchone()
    return None if row is None else float(row[0])


def database_time_s() -> int:
    """Unix seconds, by the clock that everything here goes by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now())::bigint")
        return int(cursor.fetchone()[0])


def database_time_ms() -> int:
    """Unix milliseconds at this very moment, by the same clock: within a transaction too it goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        return int(cursor.fetchone()[0])


def next_nonces(chain_id: str, most: int) -> dict[str, int]:
    """The next nonce of each wallet in use of a chain, of those made last."""
    wallets = Wallet.objects.filter(chain_id=chain_id, retired_at__isnull=True).order_by("-id")
    return dict(wallets.values_list("address", "next_nonce")[:most])


def wallets_in_use(account: Account, chain_id: str) -> list[Wallet]:
    """The wallet that signs for the account on a chain, if it has one yet."""
    return list(Wallet.objects.filter(account=account, chain_id=chain_id, retired_at__isnull=True))


def contradicting_nodes(chain_id: str, hours: int) -> dict[str, int]:
    """The chain's nodes that contradicted others, by host, and in how many of the last hours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(subject, length('node:') + 1) AS node, count(*) FROM orders_auditentry"
            " WHERE action <> 'transaction.sign' AND action = 'incident.node' AND after->>'chain' = %s"
            " AND at > now() - %s * interval '1 hour'"
            " GROUP BY 1 ORDER BY 1",
            [chain_id, hours],
        )
        return dict(cursor.fetchall())
