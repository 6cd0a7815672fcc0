"""Callers and tokens that a web process has seen are not read again, and count for nothing once they have changed."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.access import known
from orders.access.keys import revoke_key
from orders.api import raw_orders
from orders.api.raw_orders import Alike, Reply, answer_posts
from orders.audit.record import Actor
from orders.models import Account, ApiKey, Order, Token
from orders.models.key_format import prefix_of
from orders.tests.factories import api_key

ADDRESS = "127.0.0.1"
BODY = json.dumps({"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}).encode()
MICRO = 10**6

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(account: Account, engine: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that was seen, with tokens that were read."""
    monkeypatch.setattr(raw_orders, "begin_waking_placed", lambda *_: lambda: None)
    text = api_key(account)
    forget()
    assert statuses(answer(text)) == [201]
    return text


def forget() -> None:
    """As in a process that has just begun."""
    known._known.clear()
    raw_orders._tokens.clear()


def answer(text: str, count: int = 1, key: str | None = None) -> list[Reply | None]:
    return answer_posts(Alike(f"Bearer {text}" if text else "", ADDRESS, key), [BODY] * count)


def statuses(replies: list[Reply | None]) -> list[int | None]:
    """None: the view is to answer."""
    return [reply and reply.status for reply in replies]


@contextmanager
def statements() -> Iterator[list[str]]:
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [query["sql"].split()[0] for query in captured.captured_queries]


def test_who_was_seen_is_stored_for_by_one_statement(text: str) -> None:
    with statements() as sent:
        assert statuses(answer(text)) == [201]

    assert sent == ["SAVEPOINT", "WITH", "RELEASE"]


def of_key(assignments: str) -> Callable[[str], None]:
    """By bare SQL, as an operator may."""

    def change(prefix: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE orders_apikey SET {assignments} WHERE prefix = %s", [prefix])

    return change


def of_tokens(statement: str) -> Callable[[str], None]:
    def change(prefix: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return change


def revoke(prefix: str) -> None:
    assert revoke_key(prefix, actor=Actor("boss", reason="test", is_admin=True))


def save_key(prefix: str, **fields: Any) -> None:
    """As the admin saves a form."""
    key = ApiKey.objects.get(prefix=prefix)
    for name, value in fields.items():
        setattr(key, name, value)
    key.save()


def save_token(**fields: Any) -> None:
    token = Token.objects.get(symbol="SOL")
    for name, value in fields.items():
        setattr(token, name, value)
    token.save()


# What changes, and what the next request is answered; None: the view answers it.
CHANGES: dict[str, tuple[Callable[[str], Any], int | None]] = {
    "revoked": (revoke, None),
    "revoked by SQL": (of_key("revoked = true"), None),
    "revoked in the admin": (lambda prefix: save_key(prefix, revoked=True), None),
    "deleted": (lambda prefix: ApiKey.objects.filter(prefix=prefix).delete(), None),
    "past its date": (of_key("expiry_date = now()"), None),
    "another secret": (of_key("hashed_key = 'sha512$$0'"), None),
    "may read alone": (of_key("scopes = '{read}'"), None),
    "from elsewhere alone": (of_key("ip_ranges = '{10.0.0.0/8}'"), None),
    "dry runs alone": (of_key("is_dry_run_only = true"), None),
    "other tokens alone": (lambda prefix: save_key(prefix, tokens=["ETH"]), None),
    "other venues alone": (of_key("venues = '{raydium}'"), 201),
    "a small cap": (lambda prefix: save_key(prefix, max_order_value=1), None),
    "a small day": (of_key("max_day_value = 1"), 403),
    "token off": (lambda _: save_token(is_enabled=False), None),
    "token off by SQL": (of_tokens("UPDATE orders_token SET is_enabled = false WHERE symbol = 'USDC'"), None),
    "token gone": (of_tokens("DELETE FROM orders_token WHERE symbol = 'USDC'"), None),
    "coarser token": (lambda _: save_token(decimals=0), None),
    "finer token": (lambda _: save_token(decimals=12), 201),
    "another token": (of_tokens("INSERT INTO orders_token VALUES ('NEW', 'New', 6, true, NULL)"), 201),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_holds_from_the_next_request_on(text: str, change: str) -> None:
    make, expected = CHANGES[change]
    make(prefix_of(text))
    stored = Order.objects.count()

    replies = answer(text, 2)

    assert statuses(replies) == [expected] * 2
    assert Order.objects.count() == stored + (2 if expected == 201 else 0)
    forget()
    assert statuses(answer(text, 2)) == [expected] * 2


def test_terms_are_those_of_the_change(text: str) -> None:
    save_key(prefix_of(text), venues=["raydium"])
    save_token(decimals=12)

    assert statuses(answer(text)) == [201]

    order = Order.objects.latest("id")
    assert (order.terms.allow, order.decimals_in, order.amount) == (("raydium",), 12, 25 * 10**11)


def test_a_key_that_was_used_long_ago_is_noted_again(text: str) -> None:
    keys = ApiKey.objects.filter(prefix=prefix_of(text))
    of_key("last_used_at = now() - interval '2 minutes'")(prefix_of(text))
    before = keys.get().last_used_at

    assert statuses(answer(text)) == [201]

    assert keys.get().last_used_at > before


def test_another_address_is_looked_at_each_time(text: str) -> None:
    of_key("ip_ranges = '{127.0.0.0/8}'")(prefix_of(text))
    assert statuses(answer(text)) == [201]

    assert answer_posts(Alike(f"Bearer {text}", "10.1.1.1"), [BODY]) == [None]


def test_the_first_answer_is_not_given_again_to_a_key_that_was_revoked(text: str) -> None:
    assert statuses(answer(text, key="k-1")) == [201]
    revoke(prefix_of(text))

    assert answer(text, key="k-1") == [None]


def test_an_account_that_is_limited_meanwhile_is_counted(text: str, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(is_counted=True, max_open_orders=0)

    assert statuses(answer(text)) == [403]
    assert Order.objects.count() == 1


def test_a_request_that_is_read_twice_counts_once(text: str) -> None:
    of_key("rate_per_minute = 10")(prefix_of(text))
    first = answer(text)[0]
    save_token(name="another name")
    second = answer(text)[0]

    assert first
    assert second
    left = [int(reply.headers["RateLimit"].split("r=")[1].split(";")[0]) for reply in (first, second)]
    assert left[0] - left[1] == 1


def test_the_local_account_is_made_again(tokens: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_orders, "begin_waking_placed", lambda *_: lambda: None)
    settings.API_IS_OPEN = True
    forget()
    assert statuses(answer("")) == [201]
    Account.objects.filter(name="local").update(name="somebody else")

    assert statuses(answer("")) == [201]

    names = Order.objects.order_by("id").values_list("account__name", flat=True)
    assert list(names) == ["somebody else", "local"]


def test_memory_is_bounded(text: str, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST", 2)
    for _ in range(4):
        assert statuses(answer(api_key(account))) == [201]

    assert len(known._known) <= 2
