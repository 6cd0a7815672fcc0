"""Every read that more than one caller needs."""

from collections.abc import Sequence
from shlex import quote
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from dex import Engine
from orders.amounts import format_units
from orders.controls import Control, Controls
from orders.models import Account, Order, Token, TradingControl, Wallet
from orders.states import OrderStatus

UPKEEP = "upkeep"


def token_decimals() -> dict[str, int]:
    """Exponent of every registered token, also of disabled ones, which old routes may still name."""
    return dict(Token.objects.values_list("symbol", "decimals"))


def tokens() -> dict[str, Token]:
    """Registered tokens by symbol."""
    return {token.symbol: token for token in Token.objects.all()}


def orders_of(account: Account) -> QuerySet[Order]:
    """The account's orders; a foreign one does not exist for the caller."""
    return Order.objects.filter(account=account)


def controls_of(account: Account) -> QuerySet[TradingControl]:
    """The pauses that concern an account: its own, and those of everybody."""
    concern = Q(account=account) | Q(account__isnull=True)
    return TradingControl.objects.filter(concern).select_related("account").order_by("id")


def pauses_of_all(chain_id: str) -> list[TradingControl]:
    """The pauses that hold every order of the engine's chain."""
    return list(TradingControl.objects.filter(chain_id__in=("", chain_id), account__isnull=True, venue=""))


def read_controls() -> Controls:
    """The pauses in force at this moment, for whoever only saves work by knowing."""
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


def open_order_ids(account: Account) -> list[UUID]:
    """The account's orders that have not ended, oldest first."""
    # As alternatives, each with a partial index of its own: all open orders are few, all orders of an account many.
    is_open = (
        Q(status__in=(OrderStatus.PENDING, OrderStatus.ROUTING))
        | Q(status=OrderStatus.BUILDING, tx_hash__isnull=True)
        | Q(status=OrderStatus.BUILDING, tx_hash__isnull=False)
        | Q(status=OrderStatus.SUBMITTED)
    )
    return list(orders_of(account).filter(is_open).order_by("id").values_list("id", flat=True))


def orders_by_id(account: Account, order_ids: Sequence[UUID]) -> list[Order]:
    """These orders of the account, oldest first."""
    return list(orders_of(account).filter(pk__in=order_ids).order_by("id"))


def worker_age_s() -> float | None:
    """Seconds since the upkeep last ran, by the database's clock; None when it never did."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now() - at) FROM orders_heartbeat WHERE name = %s", [UPKEEP])
        row = cursor.fetchone()
    return None if row is None else float(row[0])


def database_time_s() -> int:
    """Unix seconds, by the clock that everything here goes by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now())::bigint")
        return int(cursor.fetchone()[0])


def next_nonces(chain_id: str, most: int) -> dict[str, int]:
    """The next nonce of each wallet in use of a chain, of those made last."""
    wallets = Wallet.objects.filter(chain_id=chain_id, retired_at__isnull=True).order_by("-id")
    return dict(wallets.values_list("address", "next_nonce")[:most])


def wallets_in_use(account: Account, chain_id: str) -> list[Wallet]:
    """The wallet that signs for the account on a chain, if it has one yet."""
    return list(Wallet.objects.filter(account=account, chain_id=chain_id, retired_at__isnull=True))


def contradicting_nodes(hours: int) -> dict[str, int]:
    """The nodes that contradicted others, by host, and in how many of the last hours; see services/nodes.py."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(subject, length('node:') + 1) AS node, count(*) FROM orders_auditentry"
            " WHERE action = 'incident.node' AND at > now() - %s * interval '1 hour'"
            " GROUP BY 1 ORDER BY 1",
            [hours],
        )
        return dict(cursor.fetchall())


def venues(engine: Engine) -> dict[str, Any]:
    """Every venue that has pools on the engine's chain, with these, as of the newest block."""
    snapshot = engine.chain.snapshot()
    decimals = token_decimals()
    results = []
    for venue in engine.venues:
        pools = [
            {
                "pool": pool.pool_id,
                "kind": pool.kind,
                "tokens": list(pool.tokens),
                "fee_bps": f"{pool.fee_ppm(pool.tokens[0], snapshot.time) / 100:.2f}",
                "reserves": {token: format_units(atoms, decimals[token]) for token, atoms in pool.balances().items()},
            }
            for pool in snapshot.pools
            if pool.venue == venue.name
        ]
        if pools:
            results.append({"venue": venue.name, "name": venue.display_name, "pools": pools})
    return {"snapshot_version": snapshot.version, "results": results}
