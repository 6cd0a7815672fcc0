"""Every address with what attackers put into hosts, queries, paths, cookies and bodies: no 500 and no traceback."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import NoReverseMatch, reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex.testing.examples import combinations, examples
from orders.api.front_door import Seldom
from orders.models import Account, Order, Token, Wallet
from orders.tests.factories import api_key, place, terms
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

PROBLEM = "application/problem+json"
PAGES = [
    "/",
    "/health",
    "/ready",
    "/problems/invalid",
    "/admin/",
    "/admin/login/",
    "/admin/jsi18n/",
    "/nothing",
    "/x/y",
]
API = [
    "schema",
    "docs",
    "orders",
    "orders/batch",
    "quotes",
    "events",
    "ws-tickets",
    "halt",
    "venues",
    "tokens",
]
# They answer for any host.
PROBES = {"/health", "/ready"}
ADDRESSES = [*PAGES, *(f"/api/v1/{name}" for name in API), "/api/v1/nothing", "/static/nothing.js"]
HOSTS = [
    "evil.example", "evil.example:3000", "localhost.evil.example", "localhost:notaport", "localhost@evil.example", "",
    "[::1", "[::2]", "..", "a" * 5_000, "localhost\xe9", "xn--", "localhost,evil.example", " ",
]  # fmt: skip
# Percent-encoded already, as an attacker writes them.
VALUES = [
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%", "%zz", "%C0%AF", "9" * 400, "-1", "1e999", "NaN", "%0d%0a", "%E2%80%A8",
    "1.2.3", "-9223372036854775809", "9223372036854775808", "x" * 5_000, "%27%22%3E%3Cscript%3E", "[]", "null", "1,2,,",
    "..%2f..%2f", "2026-99-99", "99999-01-01", "0", "",
]  # fmt: skip
ADMIN_VALUES = ["%00", "%ff%fe", "9" * 400, "-1", "2026-99-99", "x", ""]
# Of the admin's lists, its pop-ups and its date pages; the rest are names of columns and of look-ups.
PARAMETERS = [
    "o", "p", "q", "e", "all", "_popup", "_to_field", "_changelist_filters", "next", "format", "ids",
    "created_at__year", "created_at__month", "created_at__day", "created_at__gte", "at__year", "id",
    "id__exact", "id__in", "status", "status__exact", "account", "account__id__exact", "account__name",
    "venue", "parked_at__isempty", "pk", "nonsense__x", "password", "account__apikey__hashed_key__startswith",
    "after", "limit", "cursor", "pair", "tag", "app_label", "model_name", "field_name", "term",
    "is_enabled__exact", "revoked__exact", "facets", "_facets",
]  # fmt: skip
# Which the page of a row reads.
ROW_PARAMETERS = ["_popup", "_to_field", "_changelist_filters", "next", "p"]


@pytest.fixture
def wrong(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """What the log holds of tracebacks and errors."""
    caplog.set_level(logging.WARNING)
    records: list[logging.LogRecord] = []
    yield records
    records += [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
    assert records == []


@pytest.fixture
def browser() -> Client:
    """A browser that shows an error page and raises nothing; in which a superuser is signed in."""
    made = Client(raise_request_exception=False)
    sign_in(made, get_user_model().objects.create_superuser("boss"))
    return made


@pytest.fixture
def caller(account: Account) -> Client:
    """A program with a key."""
    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {api_key(account)}"})


def admin_addresses(drive: Callable[..., None], account: Account) -> list[str]:
    """Lists of the admin, and the pages of rows that exist."""
    place(account, terms(client_order_id="mine"), terms())
    drive()
    found = []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        found += [reverse(f"{name}_changelist")]
        if row is not None:
            found += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history")]
    return found


def own_admin_addresses() -> list[str]:
    """The admin's pages that this product has added to lists and rows."""
    found = []
    for model, site in admin.site._registry.items():
        for pattern in site.get_urls():
            if pattern.name:
                for arguments in ((), ("x",), ("%00",), ("9" * 400,), ("_5Fx",)):
                    try:
                        found.append(reverse(f"admin:{pattern.name}", args=arguments))
                    except NoReverseMatch:
                        continue
        del model
    return found


@pytest.mark.parametrize("address", [address for address in ADDRESSES if address not in PROBES])
def test_a_foreign_host_is_refused_in_one_line(
    caller: Client, address: str, wrong: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    for method in ("get", "post"):
        for host in HOSTS:
            answer = getattr(caller, method)(address, headers={"host": host})
            assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM), (method, host)
            assert json.loads(answer.content)["code"] == "host_not_allowed"

    assert len([record for record in caplog.records if "Host" in record.getMessage()]) <= 1


def test_a_log_line_stands_for_many(caplog: pytest.LogCaptureFixture) -> None:
    log = Seldom(every_s=60)
    for i in range(1_000):
        log.warning("refused", f"host-{i}\r\n\x1b[31m" + "x" * 5_000)

    [record] = caplog.records
    assert len(record.getMessage()) < 250
    assert "\n" not in record.getMessage()
    log._next_at = 0
    log.warning("refused", "again")
    assert caplog.records[-1].getMessage() == "refused: 'again' (999 more like it before)"


@pytest.mark.wide
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_query_is_a_server_error(browser: Client, caller: Client, address: str, wrong: list[Any]) -> None:
    clients = {"browser": browser, "caller": caller}
    for value, name, parameter in combinations(VALUES, list(clients), ["after", "next"], one_of=2):
        answer = clients[name].get(f"{address}?{parameter}={value}")
        assert answer.status_code < 500 or address == "/ready", (name, parameter, value)
        if "%00" in value and address not in PROBES:
            assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)


@pytest.mark.wide
def test_no_query_of_the_admin_is_a_server_error(
    browser: Client, account: Account, drive: Callable[..., None], wrong: list[Any]
) -> None:
    addresses = admin_addresses(drive, account)
    rows = [address for address in addresses if address.endswith(("/change/", "/history/"))]
    lists = [address for address in addresses if address not in rows]
    asked = [
        *combinations(lists, PARAMETERS, ADMIN_VALUES, one_of=len(ADMIN_VALUES)),
        *combinations(rows, ROW_PARAMETERS, ADMIN_VALUES, one_of=len(ROW_PARAMETERS)),
    ]
    for address, parameter, value in asked:
        answer = browser.get(f"{address}?{parameter}={value}")
        assert answer.status_code < 500, (address, parameter, value)
        assert value != "%00" or (answer.status_code, answer["Content-Type"]) == (400, PROBLEM), address


def test_a_query_that_the_admin_cannot_read_is_refused(
    browser: Client, account: Account, drive: Callable[..., None], wrong: list[Any]
) -> None:
    addresses = admin_addresses(drive, account)
    rows = [address for address in addresses if address.endswith("/change/")]

    assert browser.get(f"/admin/orders/auditentry/?at__year={'9' * 400}").status_code == 400
    assert browser.get(f"/admin/orders/account/?created_at__year={'9' * 400}").status_code == 400
    assert {browser.get(f"{address}?_to_field=").status_code for address in rows} <= {200, 400}


def test_no_address_of_the_admin_is_a_server_error(browser: Client, account: Account, wrong: list[Any]) -> None:
    for address in own_admin_addresses():
        for client in (browser, Client(raise_request_exception=False)):
            for method in (client.get, client.post):
                assert method(address).status_code < 500, address


@pytest.mark.parametrize("part", ["orders/{}", "orders/{}/events", "orders/by-client-id/{}", "{}", "../{}", "halt/{}"])
def test_no_path_is_a_server_error(caller: Client, part: str, wrong: list[Any]) -> None:
    for value in VALUES:
        answer = caller.get("/api/v1/" + part.format(value))
        assert answer.status_code in {400, 404} or value == "", value
        assert answer.status_code < 500


def test_forms_of_the_admin_take_what_they_can_read(browser: Client, account: Account, wrong: list[Any]) -> None:
    place(account)
    values = [json.loads(f'"{text}"') for text in ("a\\u0000b", "\\ud800", "9" * 400, "-1", "\\u2028", "x" * 5_000)]
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for value in values:
            form = {"action": "delete_selected", "_selected_action": value, "index": value, "q": value, "post": "yes"}
            names = [field.name for field in model._meta.fields]
            body = "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name in [*form, *names])
            for where in (
                address,
                f"{address}add/",
                "/admin/login/",
                f"{address}{quote(value[:50], errors='replace')}/change/",
            ):
                answer = browser.post(where, body, content_type="application/x-www-form-urlencoded")
                assert answer.status_code < 500, (where, value)
    for value in values:
        form = {"action": "cancel_selected", "_selected_action": value, "reason": value}
        body = "&".join(f"{name}={quote(text, errors='surrogatepass')}" for name, text in form.items())
        for where in ("/admin/orders/order/", f"/admin/orders/order/cancel/?ids={quote(value, errors='replace')}"):
            assert browser.post(where, body, content_type="application/x-www-form-urlencoded").status_code < 500


def test_a_token_with_a_reference_value_can_be_added(browser: Client, account: Account, wrong: list[Any]) -> None:
    form = {
        "symbol": "NEW",
        "name": "New",
        "decimals": "9",
        "value": "1500000",
        "is_enabled": "on",
        "why": "listed",
    }

    answer = browser.post("/admin/orders/token/add/", form)

    assert (answer.status_code, Token.objects.get(symbol="NEW").value) == (302, 1_500_000)


COOKIES = [r'sessionid="a\000bcdefgh"', "sessionid=\xff\xfe" + "x" * 40, "sessionid=" + "x" * 5_000, "csrftoken=\xff",
           r'csrftoken="\000"', r'messages="\000"', 'messages=[["__json_message",0,25,"x"]]', "=", ";;;", "sessionid",
           'sessionid="', "sessionid=a; sessionid=b", r'sessionid="\777\400"', r'"\000"=x']  # fmt: skip


@pytest.mark.wide
def test_no_cookie_is_a_server_error(wrong: list[Any]) -> None:
    for cookie, address, method in combinations(COOKIES, ADDRESSES, ["get", "post"], one_of=2):
        answer = getattr(Client(raise_request_exception=False), method)(address, headers={"cookie": cookie})
        assert answer.status_code < 500 or address == "/ready", (cookie, address, method)


@pytest.mark.parametrize("charset", ["utf-7", "latin-1", "utf8"])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/admin/login/", "/admin/", "/api/v1/quotes", "/nowhere"])
def test_no_form_is_a_server_error_whatever_its_signs(db: None, path: str, charset: str, wrong: list[Any]) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/sign-in")  # with the cookie that comes with it, Django reads the form to find the token

    answer = client.post(path, b"username=a", content_type=f"application/x-www-form-urlencoded; charset={charset}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


KEYS = ["Bearer \x00", "Bearer oe_test_\x00_x", "Bearer oe_test_" + "9" * 5_000 + "_x", "Bearer \xff.\xfe",
        "Basic \xff", "Basic YTpi", "Bearer", "Bearer  ", "\xff", "Bearer a.b.c", "Digest x",
        "Bearer \u2028".encode().decode("latin-1")]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_no_key_is_a_server_error(db: None, key: str, wrong: list[Any]) -> None:
    for name in API:
        answer = Client(raise_request_exception=False).get(f"/api/v1/{name}", headers={"authorization": key})
        assert answer.status_code in {200, 401}, name


TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(["\x00", "\ud800", "9" * 400, "-0", "1e400"])


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    address=st.sampled_from([*ADDRESSES, "/admin/orders/order/", "/admin/orders/wallet/", "/admin/orders/auditentry/"]),
    name=st.sampled_from(PARAMETERS) | TEXTS,
    value=TEXTS,
    host=st.sampled_from(["testserver"] * 9 + HOSTS)
    | st.text(st.characters(max_codepoint=255, min_codepoint=32), max_size=20),
)
def test_nothing_made_up_is_a_server_error(
    browser: Client, caller: Client, address: str, name: str, value: str, host: str
) -> None:
    query = f"{quote(name, errors='surrogatepass')}={quote(value, errors='surrogatepass')}"
    for client in (browser, caller):
        answer = client.get(f"{address}?{query}", headers={"host": host})
        assert answer.status_code < 500 or address == "/ready", (address, query, host)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXTS, value=TEXTS)
def test_no_text_in_json_is_a_server_error(caller: Client, name: str, value: str) -> None:
    order = {"token_in": "SOL", "token_out": "USDC", "amount": "1"}
    for body in (order | {"tags": {name: value}}, order | {"client_order_id": value}, order | {name: value}):
        sent = json.dumps(body)
        for path, content in (
            ("orders?dry_run=true", sent),
            ("orders/batch", json.dumps({"orders": [body]})),
            ("quotes", sent),
        ):
            answer = caller.post(f"/api/v1/{path}", content, content_type="application/json")
            assert answer.status_code < 500, (path, sent)


def test_a_refused_order_leaves_nothing(caller: Client) -> None:
    order = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "tags": {"a": "\x00"}}

    answer = caller.post("/api/v1/orders", json.dumps(order), content_type="application/json")

    assert (answer.status_code, Order.objects.count(), Wallet.objects.count()) == (400, 0, 0)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("address", [*(f"/api/v1/{name}" for name in API), "/admin/", "/x"])
def test_no_number_of_parameters_is_a_server_error(
    browser: Client, caller: Client, address: str, method: str, wrong: list[Any]
) -> None:
    for client in (browser, caller):
        answer = client.generic(method, f"{address}?{'a=1&' * 1500}", "{}", content_type="application/json")
        assert answer.status_code < 500
