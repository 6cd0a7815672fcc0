"""The audit of orders finds what contradicts itself."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from dex.chains.simulated import SimulatedChain
from orders.config import Policy
from orders.models import Account
from orders.reconciliation.orders import audit_orders
from orders.tests.factories import place
from orders.tests.pipeline.chain_faults import Run, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE orders_order SET attempt = attempt + 1", "its events end at"),
        ("UPDATE orders_order SET outcome = 'expired'", "stands at (CONFIRMED,1,expired)"),
        ("UPDATE orders_submission SET closed_at = NULL", "still holds its nonce"),
        ("UPDATE orders_order SET amount_out = amount_out + 1", "fills do not add up"),
        ("UPDATE orders_order SET network_fee_paid = network_fee_paid + 1", "network fees do not add up"),
        ("UPDATE orders_order SET network_fee_paid = NULL", "network fees do not add up"),
        ("INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, data, took_ms)"
         " SELECT id, account_id, 7, 'FAILED', 1, '{}', 0 FROM orders_order", "took an illegal edge"),
    ],
)  # fmt: skip
def test_the_audit_finds_rows_that_contradict_each_other(
    account: Account, chain: SimulatedChain, run: Run, policy: Policy, damage: str, words: str
) -> None:
    [order] = place(account)
    settle(chain, run, policy)
    assert list(audit_orders()) == []
    call_command("reconcile", "orders")

    with connection.cursor() as cursor:
        cursor.execute(damage)

    found = list(audit_orders())
    assert {item.order_id for item in found} == {order.id}
    assert words in "; ".join(item.detail for item in found)
    with pytest.raises(CommandError):
        call_command("reconcile", "orders")
