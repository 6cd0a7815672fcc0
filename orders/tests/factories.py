"""Rows for tests: an account, and orders in the state that services leave them in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F
from uuid_utils.compat import uuid7

from dex import Side
from orders.audit.record import Actor
from orders.models import Account, ApiKey, Order, Webhook
from orders.problems import Problem
from orders.services.place import Placed, place_orders
from orders.states import OrderStatus
from orders.terms import NewOrder, SwapTerms
from orders.webhooks.endpoints import create


def new_account() -> Account:
    """An owner that no other test knows."""
    return Account.objects.create(name=f"account-{uuid7()}")


def api_key(account: Account, **changes: Any) -> str:
    """A usable key of the account."""
    _, key = ApiKey.objects.create_key(name="test", account=account, **changes)
    return str(key)


def terms(**changes: Any) -> NewOrder:
    """Terms of a market order, 1 SOL -> USDC unless changed; other names are those of SwapTerms."""
    columns: dict[str, Any] = {
        "client_order_id": None,
        "chain_id": "simulated",
        "order_type": "market",
        "side": Side.EXACT_IN,
        "token_in": "SOL",
        "token_out": "USDC",
        "decimals_in": 9,
        "decimals_out": 6,
        "amount": 10**9,
        "expires_at": None,
        "value": None,
    }
    limits: dict[str, Any] = {"max_slippage_ppm": 5_000}
    for name, value in changes.items():
        (columns if name in columns else limits)[name] = tuple(value) if isinstance(value, list) else value
    return NewOrder(**columns, terms=SwapTerms(**limits))


def place(account: Account, *items: NewOrder) -> list[Order]:
    """Orders as POST stores them."""
    orders: list[Order] = []
    for answer in place_orders(account, items or [terms()]):
        assert not isinstance(answer, Problem), answer
        assert isinstance(answer, Placed)
        orders.append(answer.order)
    return orders


def let_leases_run_out() -> None:
    """As after a worker's death and the wait for its leases."""
    Order.objects.filter(lease_until__isnull=False).update(lease_until=datetime.now(UTC) - timedelta(seconds=1))


def in_flight(order: Order) -> None:
    """As if its bytes were on their way, and the next look an hour away."""
    rows = Order.objects.filter(pk=order.pk)
    for status in (OrderStatus.ROUTING, OrderStatus.BUILDING, OrderStatus.SUBMITTED):
        rows.update(status=status, seq=F("seq") + 1, tx_hash="0x1", due_at=datetime.now(UTC) + timedelta(hours=1))


def new_webhook(account: Account, **stated: Any) -> Webhook:
    """An endpoint that nothing is sent to, unless its URL is stated."""
    return create(account, {"url": "https://desk.example.com/hook"} | stated, Actor("test")).webhook
