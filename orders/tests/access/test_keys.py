"""API keys: what each scope opens, what caps and allow-lists refuse, and that no account reaches another's things."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import get_resolver, resolve
from rest_framework_api_key.crypto import KeyGenerator

from orders.access.authentication import is_within
from orders.api import urls
from orders.api.permissions import HasScope
from orders.models import Account, ApiKey, AuditEntry, IdempotencyKey, Order, Token
from orders.models.key_format import prefix_of
from orders.scopes import DEFAULT_SCOPES, SCOPES
from orders.tests.factories import api_key, new_account, new_webhook, place, terms
from orders.tests.http_client import GOOD, Api
from orders.values import MICRO

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]

Drive = Callable[..., None]


@pytest.fixture(autouse=True)
def values(tokens: None) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)


# --- Form, expiry, where from -----------------------------------------------------------------------------


def test_a_key_names_its_kind_and_only_a_digest_of_it_is_stored(account: Account) -> None:
    text = api_key(account)

    assert re.fullmatch(r"oe_test_[A-Za-z0-9]{8}_[A-Za-z0-9]{32}", text)
    row = ApiKey.objects.get()
    assert row.prefix == text.split("_")[2]
    assert text.split("_")[3] not in json.dumps(list(ApiKey.objects.values()), default=str)


def test_keys_of_the_older_form_still_open(account: Account) -> None:
    text, prefix, digest = KeyGenerator().generate()
    ApiKey.objects.create(id=f"{prefix}.{digest}", prefix=prefix, hashed_key=digest, name="old", account=account)

    assert Api(account, text=text).ask("GET", "orders").status_code == 200


@pytest.mark.parametrize("change", ["secret", "prefix", "kind", "cut", "expired", "revoked"])
def test_a_key_that_is_not_valid_opens_nothing(account: Account, change: str) -> None:
    text = api_key(account)
    kind, prefix, secret = text[:7], text.split("_")[2], text.split("_")[3]
    if change == "expired":
        ApiKey.objects.update(expiry_date=datetime.now(UTC) - timedelta(seconds=1))
    if change == "revoked":
        call_command("keys", "revoke", prefix)
    sent = {
        "secret": f"{kind}_{prefix}_{secret[::-1]}",
        "prefix": f"{kind}_{prefix[::-1]}_{secret}",
        "kind": text.replace("test", "live"),
        "cut": text[:-1],
    }.get(change, text)

    answer = Api(account, text=sent).ask("GET", "orders")

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("address", "ranges", "inside"),
    [
        ("192.0.2.7", [], True),
        ("192.0.2.7", ["192.0.2.0/24"], True),
        ("::ffff:192.0.2.7", ["192.0.2.0/24"], True),
        ("192.0.3.7", ["192.0.2.0/24", "198.51.100.1"], False),
        ("198.51.100.1", ["192.0.2.0/24", "198.51.100.1"], True),
        ("2001:db8::5", ["2001:db8::/32"], True),
        ("2001:db9::5", ["2001:db8::/32"], False),
        ("", ["192.0.2.0/24"], False),
        ("unix", ["0.0.0.0/0"], False),
    ],
)
def test_addresses_lie_in_networks(address: str, ranges: list[str], inside: bool) -> None:
    assert is_within(address, ranges) is inside


def test_a_key_is_of_no_use_from_elsewhere(account: Account) -> None:
    text = api_key(account, ip_ranges=["192.0.2.0/24"])
    headers = {"Authorization": f"Bearer {text}"}

    assert Client(headers=headers, REMOTE_ADDR="192.0.2.9").get("/api/v1/orders").status_code == 200
    assert Client(headers=headers, REMOTE_ADDR="192.0.3.9").get("/api/v1/orders").status_code == 401


def test_the_last_use_is_kept_to_the_minute_and_costs_one_write(
    account: Account, django_assert_num_queries: Any
) -> None:
    api = Api(account)
    assert ApiKey.objects.get().last_used_at is None

    api.ask("GET", "tokens")
    first = ApiKey.objects.get().last_used_at
    with django_assert_num_queries(2):  # the key, the tokens
        api.ask("GET", "tokens")

    assert first is not None
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    api.ask("GET", "tokens")
    used_again = ApiKey.objects.get().last_used_at
    assert used_again is not None
    assert used_again >= first


# --- Scopes -----------------------------------------------------------------------------------------------

CALLS = {
    ("GET", "orders"): "read",
    ("GET", "orders/{id}"): "read",
    ("GET", "orders/{id}/events"): "read",
    ("GET", "orders/{id}/explain"): "read",
    ("GET", "orders/{id}/execution"): "read",
    ("GET", "orders/{id}/receipt"): "read",
    ("GET", "orders/{id}/snapshot"): "read",
    ("POST", "orders/{id}/replay"): "quote",
    ("GET", "orders/by-client-id/mine"): "read",
    ("GET", "reports/execution?group_by=pair"): "read",
    ("GET", "reports/recent"): "read",
    ("GET", "prices?pair=SOL/USDC"): "read",
    ("GET", "venues"): "read",
    ("GET", "tokens"): "read",
    ("GET", "wallets"): "read",
    ("GET", "events"): "read",
    ("GET", "me"): "read",
    ("POST", "ws-tickets"): "read",
    ("GET", "halt"): "read",
    ("POST", "quotes"): "quote",
    ("POST", "quotes/curve"): "quote",
    ("POST", "orders"): "trade",
    ("POST", "orders?dry_run=true"): "trade",
    ("POST", "orders/batch"): "trade",
    ("DELETE", "orders/{id}"): "cancel",
    ("POST", "halt"): "cancel",
    ("DELETE", "halt"): "trade",
    ("PATCH", "orders/{id}"): "trade",
    ("POST", "orders/cancel"): "cancel",
    ("POST", "deadman"): "cancel",
    ("GET", "deadman"): "read",
    ("DELETE", "deadman"): "trade",
    ("GET", "webhooks"): "webhooks",
    ("POST", "webhooks"): "webhooks",
    ("GET", "webhooks/{hook}"): "webhooks",
    ("PATCH", "webhooks/{hook}"): "webhooks",
    ("DELETE", "webhooks/{hook}"): "webhooks",
    ("POST", "webhooks/{hook}/test"): "webhooks",
    ("POST", "webhooks/{hook}/rotate-secret"): "webhooks",
    ("POST", "webhooks/{hook}/redeliver"): "webhooks",
    ("GET", "webhooks/{hook}/deliveries"): "webhooks",
}
BODIES: dict[str, Any] = {
    "quotes/curve": {name: value for name, value in GOOD.items() if name != "amount"} | {"amounts": ["1", "2"]},
    "orders/batch": {"orders": [GOOD]},
    "halt": {"reason": "x"},
    "ws-tickets": {},
    "orders/cancel": {"all": True},
    "deadman": {"timeout_s": 30},
    "webhooks": {"url": "https://desk.example.com/hook"},
    "webhooks/{hook}": {"description": "x"},
    "webhooks/{hook}/rotate-secret": {},
    "webhooks/{hook}/redeliver": {"after": "0"},
}
# Let in, and refused for another reason: nothing is paused, which version is replaced was not said, and the order has
# neither ended nor a route. Or without answer.
OTHERWISE = {
    ("DELETE", "halt"): 404,
    ("PATCH", "orders/{id}"): 428,
    ("GET", "orders/{id}/receipt"): 409,
    ("GET", "orders/{id}/snapshot"): 404,
    ("POST", "orders/{id}/replay"): 404,
    ("DELETE", "webhooks/{hook}"): 204,
    ("POST", "webhooks/{hook}/test"): 202,
}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_each_call_needs_its_scope_and_no_other(account: Account, method: str, path: str) -> None:
    needed = CALLS[method, path]
    [order] = place(account, terms(client_order_id="mine"))
    address = path.replace("{id}", str(order.id)).replace("{hook}", str(new_webhook(account).pk))
    body = None if method == "GET" or "{id}" in path else BODIES.get(path, GOOD)

    refused = Api(account, scopes=[s for s in SCOPES if s != needed]).ask(method, address, body)
    let_in = Api(account, scopes=[needed]).ask(method, address, body)

    assert (refused.status_code, refused.json()["code"], refused.json()["facts"]) == (403, "scope", {"scope": needed})
    assert let_in.status_code in ({OTHERWISE[method, path]} if (method, path) in OTHERWISE else {200, 201})


def test_every_view_says_which_scope_each_of_its_methods_needs() -> None:
    for pattern in urls.urlpatterns:
        view: Any = getattr(pattern.callback, "view_class", None)
        methods = {method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if hasattr(view, method.lower())}
        assert methods == set(view.scopes), f"{view.__name__} must name a scope for each of {sorted(methods)}"
        assert set(view.scopes.values()) <= set(SCOPES)
        assert HasScope in view.permission_classes


def test_every_method_of_every_view_is_among_the_calls_above() -> None:
    called = set()
    for method, path in CALLS:
        match = resolve(
            "/api/v1/" + path.partition("?")[0].replace("{id}", str(uuid4())).replace("{hook}", str(uuid4()))
        )
        called.add((method, getattr(match.func, "view_class", None)))
    views = [getattr(pattern.callback, "view_class", None) for pattern in urls.urlpatterns]

    assert called == {(method, view) for view in views for method in getattr(view, "scopes", {})}


def test_a_key_made_without_a_word_is_no_admin(account: Account) -> None:
    api_key(account)

    assert ApiKey.objects.get().scopes == DEFAULT_SCOPES
    assert "admin" not in DEFAULT_SCOPES


# --- Isolation (I13): every address of the schema that names a thing -------------------------------------


def schema_paths() -> list[tuple[str, str]]:
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return [
        (path, method.upper()) for path, item in schema["paths"].items() for method in item if method != "parameters"
    ]


def test_what_belongs_to_others_does_not_exist_at_any_address(account: Account, drive: Drive) -> None:
    """Every path of the schema with a parameter is asked with a foreign thing's name, and answers 404."""
    other = new_account()
    [foreign] = place(other, terms(client_order_id="theirs"))
    before = list(Order.objects.values())
    names = {"order_id": str(foreign.id), "client_order_id": "theirs", "webhook_id": str(new_webhook(other).pk)}
    api = Api(account, scopes=list(SCOPES))
    asked = 0

    for path, method in schema_paths():
        parameters = re.findall(r"{(\w+)}", path)
        if not parameters:
            continue
        assert set(parameters) <= set(names), f"{path} names something that this test does not know: add it"
        address = path.format(**names).removeprefix("/api/v1/")
        answer = api.ask(method, address, {} if method != "GET" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
        assert "theirs" not in answer.content.decode().replace(answer.json().get("instance", ""), "")
        asked += 1

    assert asked >= 4
    assert list(Order.objects.values()) == before


def test_lists_hold_ones_own_things_only(account: Account, drive: Drive) -> None:
    place(new_account(), terms(client_order_id="theirs"))
    [mine] = place(account, terms(client_order_id="mine"))
    api = Api(account, scopes=list(SCOPES))

    for path, method in schema_paths():
        if method == "GET" and "{" not in path:
            assert "theirs" not in api.ask("GET", path.removeprefix("/api/v1/")).content.decode(), path
    assert [o["id"] for o in api.ask("GET", "orders").json()["results"]] == [str(mine.id)]
    assert api.ask("GET", "orders?client_order_id=theirs").json()["results"] == []


def test_the_same_key_text_means_different_things_to_different_accounts(account: Account) -> None:
    """An idempotency key and a client_order_id of one account never answer another."""
    body = GOOD | {"client_order_id": "same"}
    mine, theirs = Api(account), Api(new_account())

    answers = [
        api.client.post("/api/v1/orders", json.dumps(body), content_type="application/json",
                        headers={"Idempotency-Key": "same"})
        for api in (mine, theirs)
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert IdempotencyKey.objects.count() == 2


# --- Caps and allow-lists ---------------------------------------------------------------------------------


def test_a_cap_per_order_counts_the_fixed_side(account: Account) -> None:
    api = Api(account, max_order_value=250 * MICRO)

    fits = api.ask("POST", "orders", GOOD)
    too_much = api.ask("POST", "orders", GOOD | {"amount": "2.500000001"})
    exact_out = api.ask("POST", "orders", GOOD | {"side": "exact_out", "amount": "250.000001"})

    assert fits.status_code == 201
    assert [(a.status_code, a.json()["code"]) for a in (too_much, exact_out)] == [(403, "limit_exceeded")] * 2
    assert too_much.json()["facts"] == {"limit": "order_value", "most": "250", "value": "250.000001"}
    assert Order.objects.count() == 1


def test_a_cap_means_no_to_a_token_that_nobody_has_valued(account: Account) -> None:
    Token.objects.update(value=None)

    answer = Api(account, max_order_value=10**30).ask("POST", "orders", GOOD)

    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")


def test_a_cap_per_day_counts_what_was_accepted(account: Account) -> None:
    api = Api(account, max_day_value=300 * MICRO)

    statuses = [api.ask("POST", "orders", GOOD | {"amount": amount}).status_code for amount in ("2", "2", "1", "0.1")]

    assert statuses == [201, 403, 201, 403]
    assert Api(account).ask("POST", "orders", GOOD).status_code == 201, "other keys have days of their own"


def test_in_a_batch_each_order_is_judged_for_itself(account: Account) -> None:
    api = Api(account, max_order_value=250 * MICRO, max_day_value=400 * MICRO, tokens=["SOL", "USDC"])
    items = [GOOD, GOOD | {"amount": "9"}, GOOD | {"token_out": "ETH"}, GOOD, GOOD | {"amount": "1"}]

    answer = api.ask("POST", "orders/batch", {"orders": items})

    codes = [result.get("error", {}).get("code") for result in answer.json()["results"]]
    assert (answer.status_code, codes) == (207, [None, "limit_exceeded", "scope", "limit_exceeded", None])
    atomic = api.ask("POST", "orders/batch", {"orders": items, "atomic": True})
    assert (atomic.status_code, Order.objects.count()) == (422, 2)
    assert ApiKey.objects.get().day_value == 350 * MICRO


def test_venues_of_the_key_bound_every_route(account: Account, drive: Drive) -> None:
    api = Api(account, venues=["orca", "raydium"])

    unstated = api.ask("POST", "orders", GOOD).json()
    narrowed = api.ask("POST", "orders", GOOD | {"venues": {"allow": ["orca", "meteora"]}}).json()
    refused = api.ask("POST", "orders", GOOD | {"venues": {"allow": ["meteora"]}})

    assert unstated["venues"]["allow"] == ["orca", "raydium"]
    assert narrowed["venues"]["allow"] == ["orca"]
    assert (refused.status_code, refused.json()["code"]) == (403, "scope")
    drive()
    for order in Order.objects.all():
        assert order.plan is not None
        assert order.plan.venues <= {"orca", "raydium"}


@pytest.mark.parametrize("body", [GOOD | {"token_in": "ETH"}, GOOD | {"token_out": "ETH"}])
def test_tokens_of_the_key_bound_both_ends(account: Account, body: Any) -> None:
    answer = Api(account, tokens=["SOL", "USDC"]).ask("POST", "orders", body)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope")
    assert not Order.objects.exists()


# --- Made and revoked by hand -----------------------------------------------------------------------------


def test_keys_are_made_listed_and_revoked_on_the_command_line(capsys: Any) -> None:
    call_command(
        "keys", "create", "treasury", "--name", "bot", "--scopes", "read,trade", "--expires-days", "30",
        "--max-order-value", "1000", "--max-day-value", "5000.5", "--venues", "orca,raydium", "--tokens", "SOL,USDC",
        "--ip-ranges", "192.0.2.0/24", "--dry-run-only", "--rate-per-minute", "60",
    )  # fmt: skip
    text = capsys.readouterr().out.strip()

    row = ApiKey.objects.select_related("account").get()
    assert (row.account.name, row.name, row.scopes) == ("treasury", "bot", ["read", "trade"])
    assert (row.max_order_value, row.max_day_value) == (1000 * MICRO, 5000 * MICRO + MICRO // 2)
    assert (row.venues, row.tokens, row.ip_ranges) == (["orca", "raydium"], ["SOL", "USDC"], ["192.0.2.0/24"])
    assert (row.is_dry_run_only, row.rate_per_minute) == (True, 60)
    assert row.expiry_date is not None
    assert row.is_valid(text)

    call_command("keys", "list")
    listed = capsys.readouterr().out
    assert all(word in listed for word in (row.prefix, "treasury", "valid", "read,trade", "day <= 5000.5", "never"))
    assert text.split("_")[3] not in listed

    call_command("keys", "revoke", row.prefix)
    assert ApiKey.objects.get().revoked
    with pytest.raises(CommandError):
        call_command("keys", "revoke", row.prefix)
    assert [(e.action, e.subject) for e in AuditEntry.objects.order_by("id")] == [
        ("key.create", f"key:{row.prefix}"), ("key.revoke", f"key:{row.prefix}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scopes", "read,everything"],
        ["--scopes", ","],
        ["--expires-days", "0"],
        ["--max-order-value", "lots"],
        ["--venues", "nowhere"],
        ["--tokens", "NOPE"],
        ["--ip-ranges", "192.0.2.0/99"],
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("keys", "create", "treasury", *arguments)

    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("hours", [0, 48])
def test_a_key_is_rotated_by_the_command(account: Account, capsys: pytest.CaptureFixture[str], hours: int) -> None:
    old = ApiKey.objects.get(prefix=prefix_of(api_key(account, scopes=["read"])))

    call_command("keys", "rotate", old.prefix, "--overlap-hours", str(hours))

    printed = capsys.readouterr()
    new = ApiKey.objects.get_from_key(printed.out.strip())
    assert (new.scopes, new.account, new.pk == old.pk) == (["read"], account, False)
    old.refresh_from_db()
    assert old.revoked is (hours == 0)
    assert ("is revoked" if hours == 0 else "ends in 48 h") in printed.err
    assert old.has_expired is (hours == 0)
    with pytest.raises(CommandError, match="there is no valid key nothing"):
        call_command("keys", "rotate", "nothing")


def test_the_admin_makes_a_key_and_shows_it_once(admin_client: Client, account: Account) -> None:
    body = {
        "account": str(account.pk), "name": "desk", "scopes": ["read", "trade"], "why": "new desk",
        "ip_ranges": "192.0.2.0/24", "venues": "", "tokens": "",
    }  # fmt: skip
    assert admin_client.post("/admin/orders/apikey/add/", body | {"why": ""}).status_code == 200
    assert not ApiKey.objects.exists()

    page = admin_client.post("/admin/orders/apikey/add/", body, follow=True).content.decode()

    text = re.search(r"oe_test_\w{8}_\w{32}", page)
    assert text is not None
    row = ApiKey.objects.get()
    assert row.is_valid(text[0])
    for address in ("/admin/orders/apikey/", f"/admin/orders/apikey/{row.pk}/change/", "/admin/orders/auditentry/"):
        shown = admin_client.get(address).content.decode()
        assert text[0].split("_")[3] not in shown
        assert row.hashed_key not in shown.replace(row.pk, "")
    change = body | {"scopes": ["read"], "why": "less"}
    assert admin_client.post(f"/admin/orders/apikey/{row.pk}/change/", change).status_code == 302
    assert ApiKey.objects.get().scopes == ["read"]
    made, changed = AuditEntry.objects.order_by("id")
    assert (made.action, made.reason, changed.action, changed.reason) == (
        "key.create",
        "new desk",
        "key.change",
        "less",
    )
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["scopes"], changed.after["scopes"]) == (["read", "trade"], ["read"])


def test_the_resolver_knows_no_api_address_outside_these_tests() -> None:
    """A new address below /api/v1/ needs scopes and isolation: the tests above then see it."""
    names = {str(p.pattern) for p in get_resolver().url_patterns}

    documents = {"api/v1/schema", "api/v1/asyncapi", "api/v1/docs"}
    assert {name for name in names if "api" in name} == {"api/v1/", "^api/"} | documents
