"""What each role opens at each endpoint, CSRF, and what ends a session in the middle."""

import json
import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from orders.access.sessions import ENDS_AT, MOST_S
from orders.models import Account, AuditEntry, Membership, Order, Webhook
from orders.scopes import ROLES, SCOPES
from orders.tests.access.test_keys import BODIES, CALLS, OTHERWISE
from orders.tests.factories import api_key, new_account, new_webhook, place, terms
from orders.tests.http_client import GOOD
from orders.tests.people import browser_of, new_person, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]


def ask(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    raw = "" if body is None else json.dumps(body)
    return client.generic(method, f"/api/v1/{path}", raw, content_type="application/json", headers=headers)


def acts() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.exclude(action="transaction.sign").order_by("id")
    return [(row.actor, row.address, row.action) for row in rows]


# --- Roles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_what_its_scopes_open_and_nothing_else(account: Account, role: str) -> None:
    client = browser_of(new_person(account, role))
    wrong = []
    for (method, path), needed in CALLS.items():
        Order.objects.filter(client_order_id="mine").update(client_order_id=None)
        [order] = place(account, terms(client_order_id="mine"))
        address = path.replace("{id}", str(order.id)).replace("{hook}", str(new_webhook(account).pk))
        body = None if method == "GET" or "{id}" in path else BODIES.get(path, GOOD)

        answer = ask(client, method, address, body)

        if needed in ROLES[role]:
            is_right = answer.status_code in ({OTHERWISE.get((method, path), 200)} | {200, 201})
        else:
            is_right = (answer.status_code, answer.json().get("facts")) == (403, {"scope": needed})
        if not is_right:
            wrong.append((method, path, answer.status_code, answer.content[:200]))
        Webhook.objects.all().delete()
    assert wrong == []


def test_only_an_operator_pauses_what_is_of_all(account: Account) -> None:
    body = {"scope": "venue", "name": "orca", "reason": "odd prices"}

    answers = {role: ask(browser_of(new_person(account, role)), "POST", "halt", body).status_code for role in ROLES}

    assert answers == {"read_only": 403, "trading": 403, "operator": 200}


def test_what_a_person_does_is_recorded_with_name_and_address(account: Account) -> None:
    user = new_person(account, "operator", "alice")
    client = browser_of(user, REMOTE_ADDR="192.0.2.7")

    placed = ask(client, "POST", "orders", GOOD).json()
    ask(client, "POST", "orders/batch", {"orders": [GOOD, GOOD]})
    ask(client, "DELETE", f"orders/{placed['id']}")
    ask(client, "POST", "halt", {"reason": "drill"})

    assert acts() == [
        ("alice", "192.0.2.7", action)
        for action in ("order.place", "order.place", "order.place", "order.cancel", "halt.set")
    ]


@pytest.mark.parametrize("path", ["orders", "orders/batch"])
def test_no_order_of_a_person_is_stored_without_its_entry(
    account: Account, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client = browser_of(new_person(account))

    def lost(*_: Any) -> None:
        raise RuntimeError("the process ends here")

    monkeypatch.setattr("orders.api.posts.record", lost)

    answer = ask(client, "POST", path, GOOD if path == "orders" else {"orders": [GOOD]})

    assert (answer.status_code, Order.objects.count(), acts()) == (500, 0, [])


def test_a_repeat_is_one_order_and_one_entry(account: Account) -> None:
    client = browser_of(new_person(account))

    answers = [ask(client, "POST", "orders", GOOD, **{"Idempotency-Key": "same"}) for _ in range(2)]
    answers += [ask(client, "POST", "orders", GOOD | {"client_order_id": "mine"}) for _ in range(2)]

    assert len({answer.json()["id"] for answer in answers}) == 2
    assert [action for _, _, action in acts()] == ["order.place"] * 2


def test_what_is_of_another_account_does_not_exist(account: Account) -> None:
    [foreign] = place(new_account(), terms(client_order_id="theirs"))
    client = browser_of(new_person(account, "operator"))

    for method, path in CALLS:
        if "{id}" in path:
            answer = ask(client, method, path.replace("{id}", str(foreign.id)), {} if method != "GET" else None)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
    assert ask(client, "GET", "orders").json()["results"] == []


def test_limits_of_the_account_count_for_people_and_those_of_keys_do_not(account: Account) -> None:
    call_command("limits", "set", account.name, "--max-open-orders", "1", "--reason", "test")
    api_key(account, max_order_value=1)
    client = browser_of(new_person(account))

    statuses = [ask(client, "POST", "orders", GOOD).status_code for _ in range(2)]

    assert statuses == [201, 403]


def test_a_key_in_the_header_wins_over_the_cookie_also_when_it_is_wrong(account: Account) -> None:
    other = new_account()
    client = browser_of(new_person(account))

    mine = ask(client, "GET", "me", Authorization=f"Bearer {api_key(other)}").json()
    wrong = ask(client, "GET", "me", Authorization="Bearer oe_test_abcdefgh_wrong")

    assert (mine["account"], mine["user"]) == (other.name, None)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthorized")


def test_the_local_account_stays_what_it_is_with_a_cookie(account: Account, settings: Any) -> None:
    settings.API_IS_OPEN = True
    client = Client(enforce_csrf_checks=True)
    sign_in(client, new_person(account, "read_only"))

    assert ask(client, "GET", "me").json() == {
        "account": "local", "user": None, "role": None, "key_prefix": None, "scopes": list(SCOPES), "csrf_token": None,
    }  # fmt: skip
    assert ask(client, "POST", "orders", GOOD).status_code == 201


# --- CSRF -------------------------------------------------------------------------------------------------

UNSAFE = [call for call in CALLS if call[0] != "GET"]


@pytest.fixture
def strict(account: Account) -> Client:
    """A browser of an operator, whose requests are checked as those of any browser."""
    return sign_in(Client(enforce_csrf_checks=True), new_person(account, "operator"))


def test_every_call_that_is_not_safe_needs_the_token_of_a_page(account: Account, strict: Client) -> None:
    [order] = place(account)
    hook = new_webhook(account).pk
    before = list(Order.objects.values())
    for token in (None, "x" * 32, "y" * 64):
        for method, path in UNSAFE:
            address = path.replace("{id}", str(order.id)).replace("{hook}", str(hook))
            headers = {} if token is None else {"X-CSRFToken": token}
            answer = ask(strict, method, address, BODIES.get(path, GOOD), **headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), (method, path)
    assert list(Order.objects.values()) == before
    assert ask(strict, "GET", "orders").status_code == 200


def test_the_token_of_another_session_or_site_is_none(account: Account, strict: Client) -> None:
    theirs = ask(sign_in(Client(), new_person(account)), "GET", "me").json()["csrf_token"]
    mine = ask(strict, "GET", "me").json()["csrf_token"]

    assert ask(strict, "POST", "orders", GOOD, **{"X-CSRFToken": theirs}).status_code == 403
    foreign = {"X-CSRFToken": mine, "Origin": "https://evil.example"}
    assert ask(strict, "POST", "orders", GOOD, **foreign).status_code == 403
    assert ask(strict, "POST", "orders", GOOD, **{"X-CSRFToken": mine}).status_code == 201
    in_body = strict.post("/api/v1/ws-tickets", {"csrfmiddlewaretoken": "wrong"})
    assert in_body.status_code == 403


def test_the_page_of_the_desk_has_a_token_that_works(account: Account, strict: Client) -> None:
    [token] = re.findall(r'<meta name="csrf-token" content="(\w+)">', strict.get("/").content.decode())

    assert ask(strict, "POST", "orders", GOOD, **{"X-CSRFToken": token}).status_code == 201


# --- In the middle of a session ---------------------------------------------------------------------------


def test_a_role_counts_from_the_next_request_on(account: Account) -> None:
    user = new_person(account, "trading")
    client = browser_of(user)
    assert ask(client, "POST", "orders", GOOD).status_code == 201

    call_command("users", "role", user.username, "read_only")
    assert ask(client, "POST", "orders", GOOD).status_code == 403
    call_command("users", "role", user.username, "operator", "--account", new_account().name)
    assert ask(client, "GET", "orders").json()["results"] == []
    call_command("users", "remove-role", user.username)
    assert ask(client, "GET", "orders").status_code == 401


def test_a_reader_who_becomes_a_trader_signs_in_again_with_a_code(account: Account) -> None:
    user = new_person(account, "read_only")
    client = sign_in(Client(), user, with_code=False)
    assert ask(client, "GET", "orders").status_code == 200

    Membership.objects.update(role="trading")

    assert [ask(client, *call).status_code for call in (("GET", "orders"), ("POST", "orders", GOOD))] == [401, 401]
    assert "ticket-form" not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "end", ["deactivated", "password", "device", "unconfirmed", "idle", "absolute", "signed out elsewhere", "deleted"]
)
def test_a_session_that_has_ended_opens_nothing(account: Account, end: str) -> None:
    user = new_person(account, "operator", is_staff=True, is_superuser=True)
    client = browser_of(user)
    assert (ask(client, "GET", "me").status_code, client.get("/admin/").status_code) == (200, 200)

    if end == "deactivated":
        call_command("users", "deactivate", user.username)
    elif end == "password":
        user.set_password("another one that is long")
        user.save()
    elif end == "device":
        call_command("users", "reset-two-factor", user.username)
    elif end == "unconfirmed":
        TOTPDevice.objects.update(confirmed=False)
    elif end == "idle":
        Session.objects.update(expire_date="2026-01-01T00:00Z")
    elif end == "absolute":
        session = client.session
        session[ENDS_AT] -= MOST_S
        session.save()
    elif end == "signed out elsewhere":
        Session.objects.all().delete()
    else:
        get_user_model().objects.all().delete()

    assert [ask(client, *call).status_code for call in (("GET", "me"), ("POST", "orders", GOOD))] == [401, 401]
    assert client.get("/admin/").status_code == 302
    assert "ticket-form" not in client.get("/").content.decode()


def test_use_moves_the_end_of_a_session_and_costs_one_write_a_minute(account: Account) -> None:
    client = browser_of(new_person(account))

    def seconds_left() -> float:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM expire_date - now())::float8 FROM django_session")
            return float(cursor.fetchone()[0])

    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_session SET expire_date = now() + interval '10 minutes'")
    ask(client, "GET", "me")
    assert seconds_left() > django_settings.SESSION_COOKIE_AGE - 60
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_session SET expire_date = now() + interval '3550 seconds'")
    ask(client, "GET", "me")
    assert seconds_left() <= 3550


def test_one_user_in_two_tabs_and_two_users_in_two_browsers(account: Account) -> None:
    alice, bob = new_person(account, name="alice"), new_person(new_account(), name="bob")
    tab, other = browser_of(alice), browser_of(bob)
    assert [ask(each, "GET", "me").json()["user"] for each in (tab, other)] == ["alice", "bob"]

    second = Client()
    second.cookies = tab.cookies
    assert ask(second, "POST", "orders", GOOD).status_code == 201
    second.post("/sign-out")

    assert ask(tab, "GET", "me").status_code == 401
    assert ask(other, "GET", "me").json()["user"] == "bob"


def test_a_person_has_a_rate_as_a_key_has(account: Account, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.api.throttles.time.time", lambda: 1_800_000_030.0)
    settings.RATE_PER_MINUTE = 3
    client, other = browser_of(new_person(account)), browser_of(new_person(account))

    answers = [ask(client, "GET", "tokens") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit"] == '"key";r=2;t=30'
    assert ask(other, "GET", "tokens").status_code == 200


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(account: Account) -> None:
    client = browser_of(new_person(account))

    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]

    assert (django_settings.SESSION_COOKIE_HTTPONLY, django_settings.SESSION_COOKIE_SAMESITE) == (True, "Lax")
    assert django_settings.SESSION_EXPIRE_AT_BROWSER_CLOSE
    assert cookie.value


def test_no_cache_keeps_an_answer_to_a_person(account: Account) -> None:
    client = browser_of(new_person(account, "read_only"))

    answers = {path: ask(client, "GET", path) for path in ("orders", "venues", "prices?pair=SOL/USDC", "me")}

    kept = {path: answer["Cache-Control"] for path, answer in answers.items()}
    assert kept == dict.fromkeys(answers, "private, no-cache") | {"me": "no-store"}
    assert "Cookie" in answers["orders"]["Vary"]
    keyed = ask(Client(), "GET", "orders", Authorization=f"Bearer {api_key(account)}")
    assert not keyed.has_header("Cache-Control")
