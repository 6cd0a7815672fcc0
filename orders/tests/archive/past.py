"""Orders of months that have passed, and what an archive must keep of them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count as counter
from pathlib import Path
from uuid import UUID

import orjson
from django.db import connection

from orders.archive.files import lines
from orders.archive.records import read_records
from orders.archive.run import archive
from orders.audit.record import Actor
from orders.models import ArchivedOrder, ArchiveFile, Order, Token, Wallet
from orders.tests.factories import new_account
from orders.tests.history import RARE_PAIR, History, load_history

ACTOR = Actor("command (t)", reason="disk")
# The history ends in June.
UNTIL, BEFORE, LATER = datetime(2024, 6, 10, tzinfo=UTC), date(2024, 6, 1), date(2024, 7, 1)
# Ids are made of times: no two histories have the same ones.
_shift = counter()


def load_past(count: int, first_nonce: int = 0, days: int = 60) -> History:
    """Orders of an account of their own, over the days up to the tenth of June."""
    Token.objects.bulk_create(
        [Token(symbol=symbol, name=symbol, decimals=9) for symbol in ("SOL", "USDC", "ETH", *RARE_PAIR)],
        ignore_conflicts=True,
    )
    account = new_account()
    wallet = Wallet.objects.create(
        account=account, chain_id="simulated", address=f"w-{account.pk}", next_nonce=first_nonce + count
    )
    until = UNTIL + timedelta(milliseconds=next(_shift))
    history = History(account, wallet, new_account(), count, until, days)
    load_history(history)
    return history


def age(orders: Iterable[Order], month: date) -> None:
    """As if they had ended in a month; their ids must be of it."""
    ids = [order.pk for order in orders]
    at = datetime(month.year, month.month, 2, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET updated_at = %s WHERE id = ANY(%s)", [at, ids])
        cursor.execute("UPDATE orders_submission SET closed_at = %s WHERE order_id = ANY(%s)", [at, ids])


def run(folder: Path, before: date = BEFORE) -> int:
    """Archive; how many orders went."""
    return sum(done.moved for done in archive(before, folder, ACTOR))


def live() -> dict[UUID, str]:
    """Every order in the tables, with all its rows."""
    return dict(read_records(Order.objects.values_list("pk", flat=True)))


def filed(folder: Path) -> dict[UUID, str]:
    """Every order that is noted as archived in a file of the folder, as that file has it."""
    here = [name for name in ArchiveFile.objects.values_list("name", flat=True) if (folder / name).exists()]
    noted = dict(ArchivedOrder.objects.filter(file__name__in=here).values_list("order_id", "file__name"))
    found: dict[UUID, str] = {}
    for name in here:
        for line in lines(folder / name):
            order_id = UUID(orjson.loads(line)["order"]["id"])
            if noted.get(order_id) == name:
                assert order_id not in found
                found[order_id] = line
    assert found.keys() == noted.keys()
    return found


def assert_nothing_lost(before: dict[UUID, str], folder: Path) -> None:
    """Archived and live together are what there was, each order in one of the two."""
    archived, left = filed(folder), live()
    assert archived.keys().isdisjoint(left)
    assert archived | left == before
