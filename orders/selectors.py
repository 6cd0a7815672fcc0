"""Every read that more than one caller needs."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from dex import Engine
from orders.amounts import format_units
from orders.models import Account, Order, OrderEvent, Token, TradingControl

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


def events_after(order_id: UUID, seq: int) -> QuerySet[OrderEvent]:
    """The order's events with a higher seq, in order."""
    return OrderEvent.objects.filter(order_id=order_id, seq__gt=seq).order_by("seq")


def last_seqs(order_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The seq of each order's last event."""
    return dict(Order.objects.filter(pk__in=list(order_ids)).values_list("id", "seq"))


def worker_age_s() -> float | None:
    """Seconds since the upkeep last ran, by the database's clock; None when it never did."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now() - at) FROM orders_heartbeat WHERE name = %s", [UPKEEP])
        row = cursor.fetchone()
    return None if row is None else float(row[0])


def venues(engine: Engine) -> dict[str, Any]:
    """Every venue with its pools, as of the newest block."""
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
        results.append({"venue": venue.name, "name": venue.display_name, "pools": pools})
    return {"snapshot_version": snapshot.version, "results": results}
