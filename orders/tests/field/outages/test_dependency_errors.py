"""Errors of the chain, the database and Redis: one answer per family at every endpoint, and never a page of HTML."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.test import Client
from django.urls import get_resolver
from kombu.exceptions import OperationalError as BrokerError
from psycopg import errors as postgres
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from dex import ChainUnavailable, DexError, RetryableError, UnknownOutcome
from dex.chains.simulated import SimulatedChain
from orders.api import urls
from orders.api.exceptions import RETRY_AFTER_S
from orders.models import Account, Order
from orders.problems import KINDS, Problem
from orders.tests.factories import new_webhook, place
from orders.tests.http_client import GOOD, Api

pytestmark = pytest.mark.usefixtures("tokens")

ENDPOINTS = [
    ("POST", "quotes"),
    ("POST", "quotes/curve"),
    ("GET", "orders"),
    ("POST", "orders"),
    ("POST", "orders?dry_run=true"),
    ("POST", "orders/batch"),
    ("POST", "orders/cancel"),
    ("PATCH", "orders/{id}"),
    ("GET", "deadman"),
    ("POST", "deadman"),
    ("DELETE", "deadman"),
    ("GET", "orders/{id}"),
    ("DELETE", "orders/{id}"),
    ("GET", "orders/{id}/events"),
    ("GET", "orders/{id}/explain"),
    ("GET", "orders/{id}/execution"),
    ("GET", "orders/{id}/receipt"),
    ("GET", "orders/{id}/snapshot"),
    ("POST", "orders/{id}/replay"),
    ("GET", "orders/by-client-id/c-1"),
    ("GET", "events"),
    ("GET", "me"),
    ("POST", "ws-tickets"),
    ("GET", "halt"),
    ("POST", "halt"),
    ("DELETE", "halt"),
    ("GET", "reports/execution?group_by=pair"),
    ("GET", "reports/recent"),
    ("GET", "prices?pair=SOL/USDC"),
    ("GET", "venues"),
    ("GET", "tokens"),
    ("GET", "wallets"),
    ("GET", "webhooks"),
    ("POST", "webhooks"),
    ("GET", "webhooks/{hook}"),
    ("PATCH", "webhooks/{hook}"),
    ("DELETE", "webhooks/{hook}"),
    ("POST", "webhooks/{hook}/test"),
    ("POST", "webhooks/{hook}/rotate-secret"),
    ("POST", "webhooks/{hook}/redeliver"),
    ("GET", "webhooks/{hook}/deliveries"),
]
# Of an order that was cancelled before it had a route, where no key signs.
OTHERWISE = {"orders/{id}/receipt": 501, "orders/{id}/snapshot": 404, "orders/{id}/replay": 404}
ON_THE_CHAIN = [("POST", "quotes"), ("POST", "quotes/curve"), ("POST", "orders?dry_run=true"), ("GET", "venues")]


def families() -> list[type[DexError]]:
    """Every class of domain errors, however deep."""
    found, left = [], [DexError]
    while left:
        kind = left.pop()
        found.append(kind)
        left += kind.__subclasses__()
    return sorted(found, key=lambda kind: kind.__name__)


def raised(kind: type[DexError]) -> DexError:
    """An error of this class, with what its constructor needs."""
    error = kind.__new__(kind)
    DexError.__init__(error, "no node of the chain answers")
    return error


def expected(kind: type[DexError]) -> tuple[int, str]:
    """The answer that a family has."""
    if issubclass(kind, RetryableError):
        return 503, "chain_unavailable"
    if issubclass(kind, UnknownOutcome):
        return 503, "outcome_unknown"
    return KINDS[kind.code].status, kind.code


def caused(kind: type[Exception], cause: Exception | None = None) -> Exception:
    """An error as Django raises it for one of the driver's."""
    error = kind("the text of the driver names a host: db.internal")
    error.__cause__ = cause
    return error


# What is raised, and the detail of the answer.
AWAY = [
    (caused(OperationalError), "the database cannot be reached"),
    (caused(InterfaceError), "the database cannot be reached"),
    (caused(InternalError, postgres.ReadOnlySqlTransaction()), "the database is read-only, as during a failover"),
    (caused(OperationalError, postgres.DiskFull()), "the database's disk is full"),
    (caused(OperationalError, postgres.QueryCanceled()), "the database did not answer in time"),
    (caused(ProgrammingError, postgres.UndefinedTable()), "the database is not the one of this program's version"),
    (postgres.AdminShutdown("terminating"), "the database cannot be reached"),
    (RedisConnectionError("refused by 10.0.0.1:6379"), "Redis cannot be reached"),
    (ReadOnlyError("READONLY"), "Redis cannot be reached"),
    (OutOfMemoryError("OOM"), "Redis cannot be reached"),
    (BrokerError("broker"), "Redis cannot be reached"),
]


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


@pytest.fixture
def ask(api: Api) -> Callable[[str, str], Any]:
    """Send a request that would be accepted."""
    [order] = place(api.account)
    bodies = {
        "quotes/curve": {"token_in": "SOL", "token_out": "USDC", "amounts": ["1"]},
        "orders/batch": {"orders": [GOOD]},
        "orders/cancel": {"client_order_id": "nobodys"},
        "ws-tickets": {},
        "halt": {"reason": "test"},
        "deadman": {"timeout_s": 86_400},
        "orders/{id}/replay": {},
        "webhooks": {"url": "https://desk.example.com/hook"},
        "webhooks/{hook}/test": {},
        "webhooks/{hook}/rotate-secret": {},
        "webhooks/{hook}/redeliver": {"after": "0"},
    }
    changes = {"orders/{id}": {"amount": "1"}, "webhooks/{hook}": {"description": "x"}}

    def send(method: str, path: str) -> Any:
        address = path.replace("{id}", str(order.id))
        if "{hook}" in path:
            address = path.replace("{hook}", str(new_webhook(api.account).pk))
        if method == "GET":
            return api.get(address)
        if method == "POST":
            return api.post(address, bodies.get(path, GOOD))
        send = api.client.patch if method == "PATCH" else api.client.delete
        body = changes[path] if method == "PATCH" else bodies.get(path, {})
        headers = {"If-Match": '"1"'} if method == "PATCH" else {}
        return send(f"/api/v1/{address}", json.dumps(body), content_type="application/json", headers=headers)

    return send


@pytest.fixture
def fail_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Have every view of the API fail once it has let the caller in."""
    views = {getattr(pattern.callback, "view_class", None) for pattern in urls.urlpatterns}

    def install(error: Exception) -> None:
        def fail(*args: Any, **kwargs: Any) -> Any:
            raise error

        for view in views:
            for method in ("get", "post", "patch", "delete"):
                if hasattr(view, method):
                    monkeypatch.setattr(view, method, fail)

    return install


def is_problem(answer: Any) -> bool:
    return bool(answer["Content-Type"] == "application/problem+json" and answer.json()["status"] == answer.status_code)


def test_every_address_of_the_api_is_walked() -> None:
    from orders.api.urls import urlpatterns

    walked = {path.partition("?")[0] for _, path in ENDPOINTS}
    assert len(walked) == len(urlpatterns)
    assert get_resolver() is not None


@pytest.mark.parametrize("kind", families(), ids=lambda kind: kind.__name__)
def test_each_family_of_the_domain_has_its_answer_at_every_endpoint(
    kind: type[DexError], ask: Callable[[str, str], Any], fail_with: Callable[[Exception], None]
) -> None:
    fail_with(raised(kind))

    for method, path in ENDPOINTS:
        answer = ask(method, path)
        assert (answer.status_code, answer.json()["code"]) == expected(kind), (method, path)
        assert is_problem(answer)
        assert answer.json()["detail"] == "no node of the chain answers"
        assert answer.get("Retry-After") == (str(RETRY_AFTER_S) if answer.status_code == 503 else None)


@pytest.mark.parametrize("is_debug", [False, True])
@pytest.mark.parametrize("kind", families(), ids=lambda kind: kind.__name__)
def test_what_the_chain_raises_reaches_who_asks_for_its_market(
    kind: type[DexError],
    is_debug: bool,
    ask: Callable[[str, str], Any],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: Any) -> Any:
        raise raised(kind)

    monkeypatch.setattr(SimulatedChain, "snapshot", fail)
    settings.DEBUG = is_debug

    for method, path in ENDPOINTS:
        answer = ask(method, path)
        if (method, path) in ON_THE_CHAIN:
            assert (answer.status_code, answer.json()["code"]) == expected(kind), (method, path)
            assert is_problem(answer)
        elif (method, path) == ("PATCH", "orders/{id}"):
            assert (answer.status_code, answer.json()["code"]) == (409, "order_not_waiting")
        elif path in OTHERWISE:
            assert answer.status_code == OTHERWISE[path]
        else:
            assert answer.status_code in {200, 201, 202, 204} or path.startswith("orders/by-client-id"), (method, path)


@pytest.mark.parametrize(("error", "detail"), AWAY, ids=map(str, range(len(AWAY))))
def test_what_is_away_is_named_at_every_endpoint_and_no_host_is(
    error: Exception,
    detail: str,
    ask: Callable[[str, str], Any],
    fail_with: Callable[[Exception], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail_with(error)
    before = Order.objects.count()

    for method, path in ENDPOINTS:
        caplog.clear()
        answer = ask(method, path)
        body = answer.json()
        assert (answer.status_code, body["code"], answer["Retry-After"]) == (503, "not_ready", "2"), (method, path)
        assert is_problem(answer)
        assert body["detail"].startswith(detail)
        assert body["detail"].endswith("nothing was stored") is (method != "GET")
        [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert line.exc_info is None
        assert "\n" not in line.getMessage()
    assert Order.objects.count() == before


def test_an_error_that_nobody_foresaw_is_a_problem_too_and_has_its_trace_in_the_log(
    ask: Callable[[str, str], Any],
    fail_with: Callable[[Exception], None],
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail_with(DatabaseError("a bug"))
    settings.DEBUG = True

    for method, path in ENDPOINTS:
        caplog.clear()
        answer = ask(method, path)
        assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
        assert is_problem(answer)
        [line] = caplog.records
        assert line.exc_info is not None


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/orders/order/"])
@pytest.mark.parametrize("is_debug", [False, True])
def test_pages_outside_the_api_answer_in_one_line_of_the_log(
    path: str, is_debug: bool, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly\n\tThis probably means more")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
    monkeypatch.setattr("django.contrib.auth.views.LoginView.get", fail)
    settings.DEBUG = is_debug
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32

    answer = client.get(path)

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "not_ready", "2")
    [line] = caplog.records
    assert line.exc_info is None
    assert "\n" not in line.getMessage()


def test_a_session_that_cannot_be_stored_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors of middleware never pass the views."""

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_response", fail)

    answer = Client(raise_request_exception=False).get("/api/v1/tokens")

    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert [record.exc_info for record in caplog.records if record.levelno >= logging.ERROR] == [None]


def test_a_chain_that_is_away_is_told_by_the_command_line_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from orders.cli.failures import sentence

    said = sentence(ChainUnavailable("127.0.0.1: ConnectError"))

    assert said == "127.0.0.1: ConnectError."


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_in_trouble_is_not_called_no_engine(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    from orders.cli.client import EngineClient, ServerError

    page = httpx.Response(status, text="<html>Bad Gateway</html>")
    monkeypatch.setattr(httpx, "request", lambda *args, **kwargs: page)

    with pytest.raises(ServerError) as raised:
        EngineClient("http://127.0.0.1:3000").call("POST", "quotes", GOOD)

    assert str(raised.value).startswith(f"http://127.0.0.1:3000 answered {status} without saying why")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("kind", ["ConnectError", "ReadTimeout", "RemoteProtocolError"])
def test_a_lost_answer_is_not_told_as_an_engine_that_is_not_there(
    kind: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    from orders.cli.client import EngineClient, ServerError

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise getattr(httpx, kind)("no answer")

    monkeypatch.setattr(httpx, "request", fail)

    with pytest.raises(ServerError) as raised:
        EngineClient("http://127.0.0.1:3000").call(method, "orders", GOOD)

    said = str(raised.value)
    assert said.startswith("No engine answers") is (kind == "ConnectError")
    assert ("may be stored or not" in said) is (kind != "ConnectError" and method != "GET")


def test_the_command_line_names_the_orders_to_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    from orders.cli.client import EngineClient, ServerError

    facts = {"order_ids": ["0190-1"], "client_order_ids": []}
    body = Problem("outcome_unknown", "it may be stored", "Look it up", facts=facts).to_json()
    monkeypatch.setattr(httpx, "request", lambda *args, **kwargs: httpx.Response(503, json=body))

    with pytest.raises(ServerError) as raised:
        EngineClient("http://127.0.0.1:3000").call("POST", "orders", GOOD)

    assert str(raised.value) == "Outcome unknown: it may be stored. Next: Look it up. Orders: 0190-1."


def test_doctor_sends_nobody_to_migrate_for_a_chain_that_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command

    def fail(*args: Any) -> Any:
        raise ChainUnavailable("node.example: ConnectError")

    monkeypatch.setattr(SimulatedChain, "snapshot", fail)

    with pytest.raises(SystemExit):
        call_command("doctor", "--json")

    found = {line["need"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["chain"]["ok"] is False
    assert "node.example: ConnectError" in found["chain"]["seen"]
    assert "migrate" not in found["chain"]["fix"]
    assert "CHAINS_FILE" in found["chain"]["fix"]
