"""The admin limits tries to log in per user name and per address, says so, and goes on without Redis."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from orders.models import Account
from orders.notify.breaker import redis_client
from orders.tests.people import PASSWORD, browser_of, new_person
from orders.web.tries import PER_ADDRESS, PER_NAME, WINDOW_S, network_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def boss(django_user_model: Any, settings: Any) -> Any:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window ends during a test."""
    monkeypatch.setattr("orders.web.tries.time.time", lambda: 1_800_000_030.0)


def log_in(name: str, password: str, address: str = "192.0.2.1") -> str:
    """`in`, `wrong`, or what the page says of too many tries."""
    answer = Client(REMOTE_ADDR=address).post("/admin/login/?next=/admin/", {"username": name, "password": password})
    if answer.status_code == 302:
        return "in"
    text = answer.content.decode()
    return "wait 15 minutes" if "Too many tries. Wait 15 minutes, then try again." in text else "wrong"


def test_after_so_many_tries_a_name_is_closed_whatever_the_address(boss: Any) -> None:
    assert [log_in("boss", f"guess {n}", f"192.0.2.{n}") for n in range(PER_NAME)] == ["wrong"] * PER_NAME

    assert log_in("boss", "guess", "198.51.100.1") == "wait 15 minutes"
    assert log_in("BOSS ", PASSWORD, "198.51.100.2") == "wait 15 minutes", (
        "not even the right one, nor another spelling"
    )
    assert log_in("nobody", PASSWORD, "198.51.100.3") == "wrong", "other names are not held up"


def test_after_so_many_tries_an_address_is_closed_whatever_the_name(boss: Any) -> None:
    assert [log_in(f"user {n}", "guess") for n in range(PER_ADDRESS)] == ["wrong"] * PER_ADDRESS

    assert log_in("boss", PASSWORD) == "wait 15 minutes"
    assert log_in("boss", PASSWORD, "192.0.2.2") == "in"


def test_all_addresses_of_an_ipv6_network_are_one_caller(boss: Any) -> None:
    tried = [log_in(f"user {n}", "guess", f"2001:db8:0:7:{n:x}::9") for n in range(PER_ADDRESS)]

    assert tried == ["wrong"] * PER_ADDRESS
    assert log_in("boss", PASSWORD, "2001:db8:0:7::1") == "wait 15 minutes"
    assert log_in("boss", "guess", "2001:db8:0:8::1") == "wrong"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_the_admin_has_no_page_of_its_own_where_a_password_is_guessed_without_a_limit(boss: Any) -> None:
    client = browser_of(boss)
    body = {
        "old_password": "guess",
        "new_password1": "a new one that is long",
        "new_password2": "a new one that is long",
    }

    pages = [client.post("/admin/password_change/", body).content.decode() for _ in range(PER_NAME)]

    assert all("entered incorrectly" in page for page in pages)
    closed = client.post("/admin/password_change/", body | {"old_password": PASSWORD})
    assert "Too many tries" in closed.content.decode()
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)


def test_who_gets_in_has_spent_nothing(account: Account) -> None:
    name = new_person(account, "read_only").username
    for _ in range(3):
        assert [log_in(name, "slip") for _ in range(PER_NAME - 1)] == ["wrong"] * (PER_NAME - 1)
        assert log_in(name, PASSWORD) == "in"
        redis_client().delete(*redis_client().keys("login:address:*"))
    assert [log_in(name, PASSWORD) for _ in range(PER_ADDRESS + 1)] == ["in"] * (PER_ADDRESS + 1)


def test_the_next_window_is_open_again(boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [log_in("boss", "guess") for _ in range(PER_NAME)] == ["wrong"] * PER_NAME
    monkeypatch.setattr("orders.web.tries.time.time", lambda: 1_800_000_030.0 + WINDOW_S)

    assert log_in("boss", PASSWORD) == "in"
    assert all(0 < int(redis_client().ttl(key)) <= 2 * WINDOW_S for key in redis_client().keys("login:*"))


def test_tries_side_by_side_are_counted_each(boss: Any) -> None:
    def guess(number: int) -> str:
        try:
            return log_in("boss", "guess", f"192.0.2.{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(3 * PER_NAME)))

    assert answers.count("wrong") == PER_NAME


def test_without_redis_the_admin_can_still_get_in(boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.web.tries.hints.attempt", lambda hint: False)

    assert [log_in("boss", "guess") for _ in range(PER_NAME + 1)] == ["wrong"] * (PER_NAME + 1)
    assert log_in("boss", PASSWORD) == "in"


def test_no_name_or_password_is_kept(boss: Any, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(PER_NAME + 1):
        log_in("my secret typed in the wrong field", "another secret")

    assert "192.0.2.1" in caplog.text
    kept = caplog.text + str(redis_client().keys("*"))
    assert "secret" not in kept
