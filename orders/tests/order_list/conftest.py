"""A history long enough that PostgreSQL plans as for millions of rows, loaded once for these tests and taken back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from orders.models import Order, Token, Wallet
from orders.tests.factories import new_account, place, terms
from orders.tests.history import RARE_PAIR, History, load_history

ORDERS = 30_000
# Open ones beside them.
OPEN = 60


@pytest.fixture(scope="package")
def history(django_db_setup: None, django_db_blocker: Any) -> Iterator[History]:
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            # Tests may think between two statements.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        Token.objects.bulk_create(
            Token(symbol=symbol, name=symbol, decimals=9) for symbol in ("SOL", "USDC", "ETH", *RARE_PAIR)
        )
        account, other = new_account(), new_account()
        wallet = Wallet.objects.create(account=account, chain_id="simulated", address="w1", next_nonce=ORDERS)
        history = History(account, wallet, other, ORDERS, datetime.now(UTC).replace(microsecond=0))
        load_history(history)
        placed = place(account, *(terms(tags={"book": "eu"} if i % 2 else {}) for i in range(OPEN)))
        children = [*(history.order_id(i) for i in range(1, 90)), *(order.pk for order in placed[:8])]
        Order.objects.filter(pk__in=children, account=account).update(parent=history.order_id(0))
        yield history
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def in_the_database(history: History, db: None) -> None:
    """Every test here reads the history."""
