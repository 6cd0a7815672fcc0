"""`any_of` finds what `__in` finds, with one text of the statement for any number of values."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Account, Order, Wallet
from orders.tests.factories import new_account, place, terms

pytestmark = pytest.mark.django_db


def test_it_finds_the_same_rows(account: Account) -> None:
    orders = place(account, *(terms() for _ in range(4)))
    wanted = [order.id for order in orders[1:3]]

    assert set(Order.objects.filter(pk__any_of=wanted).values_list("pk", flat=True)) == set(wanted)
    assert set(Order.objects.exclude(pk__any_of=wanted)) == {orders[0], orders[3]}


def test_foreign_keys_are_found_by_the_key_that_they_hold() -> None:
    owners = [new_account() for _ in range(3)]
    wallets = [Wallet.objects.create(account=one, chain_id="x", address=f"address {one.id}") for one in owners]

    assert list(Wallet.objects.filter(account_id__any_of={owners[0].id, owners[2].id})) == [wallets[0], wallets[2]]


def test_the_text_does_not_depend_on_the_number_of_values() -> None:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        for ids in ([1], [1, 70_000], [1, 2, 2**40]):
            list(Account.objects.filter(pk__any_of=ids))

    texts = {query["sql"].partition("ANY(")[0] for query in seen.captured_queries}
    assert len(seen.captured_queries) == 3
    assert len(texts) == 1
    assert str(Account.objects.filter(pk__any_of=[1, 2]).query).count("ANY(") == 1


def test_nothing_is_asked_for_no_values() -> None:
    with CaptureQueriesContext(connection) as seen:
        assert list(Order.objects.filter(pk__any_of=list[UUID]())) == []

    assert seen.captured_queries == []


def test_a_value_that_is_longer_than_its_column_is_not_cut(account: Account) -> None:
    longest = "x" * 64
    place(account, terms(client_order_id=longest))

    found = Order.objects.filter(client_order_id__any_of=[longest + "y"])

    assert (list(found), Order.objects.filter(client_order_id__any_of=[longest]).count()) == ([], 1)
