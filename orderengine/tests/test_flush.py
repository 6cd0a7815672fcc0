"""What a test committed is gone after it, from all tables; what `migrate` has filled is there."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command, get_commands
from django.db import connection

from orderengine.tests.flush import KEPT, MOST_BYTES, QuickFlush
from orders.audit.record import Actor, Entry, record
from orders.models import Account, Token
from orders.tests.factories import place

pytestmark = pytest.mark.django_db(transaction=True)


def flush() -> None:
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)


def filled() -> set[str]:
    """Tables with rows."""
    with connection.cursor() as cursor:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names))
        return {name for (name,) in cursor.fetchall()}


def file_of(table: str) -> int:
    """The number of a table's file: TRUNCATE gives it another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(%s)", [table])
        number: int = cursor.fetchone()[0]
        return number


@pytest.fixture(autouse=True)
def empty() -> None:
    """A database that has been emptied once, so that what is kept is known, with one order in it."""
    flush()
    assert filled() == set(KEPT)
    Token.objects.bulk_create(Token(symbol=symbol, name=symbol, decimals=9) for symbol in ("SOL", "USDC"))
    place(Account.objects.create(name="owner"))


def test_all_rows_are_deleted_where_nobody_may_delete_too() -> None:
    record(Actor("test"), [Entry("test", "thing:1")])
    assert filled() > {*KEPT, "orders_order", "orders_orderevent", "orders_auditentry", "orders_account"}
    kinds, file = list(ContentType.objects.values_list("pk")), file_of("orders_order")

    flush()

    assert isinstance(get_commands()["flush"], QuickFlush)
    assert filled() == set(KEPT)
    assert list(ContentType.objects.values_list("pk")) == kinds
    assert file_of("orders_order") == file


def test_what_migrate_has_filled_is_filled_again_where_a_test_has_changed_it() -> None:
    before = set(Permission.objects.values_list("codename"))
    Permission.objects.filter(codename="view_order").delete()

    flush()

    assert filled() == set(KEPT)
    assert set(Permission.objects.values_list("codename")) == before


def test_tables_that_have_grown_are_made_anew() -> None:
    Token.objects.bulk_create(Token(symbol=f"T{n}", name="x" * 100, decimals=9) for n in range(MOST_BYTES // 100))
    file = file_of("orders_token")

    flush()

    assert filled() == set(KEPT)
    assert file_of("orders_token") != file


def test_tables_that_were_analyzed_are_made_anew() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
    assert rows_once_counted("orders_order") == 1

    flush()

    assert filled() == set(KEPT)
    assert rows_once_counted("orders_order") == -1


def rows_once_counted(table: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)", [table])
        number: float = cursor.fetchone()[0]
        return number
