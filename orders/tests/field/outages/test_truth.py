"""An answer never claims more than is known: each round trip of each writing endpoint is cut, COMMIT included."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from django.db import connection, connections
from django.test import Client

from orders.access import known
from orders.api import raw_orders
from orders.api.raw_orders import Alike, answer_posts
from orders.audit.record import Actor
from orders.models import Account, ApiKey, Order, TradingControl, WsTicket
from orders.risk.account_limits import set_limits
from orders.risk.pause import Target, pause
from orders.services import idempotency
from orders.tests.factories import api_key, place, terms
from orders.tests.field.outages.cutting_proxy import Cut, Proxy
from orders.tests.web import ROOT, web_server

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": "0.25"}
LATE_S = 0.1
# Later than anything that a cut session may still do.
SETTLED_S = 0.2
MOST_ROUND_TRIPS = 20


class Caller:
    """Sends requests that reach the database through the proxy."""

    def __init__(self, account: Account, proxy: Proxy) -> None:
        self.account, self.proxy = account, proxy
        self._headers = {"Authorization": f"Bearer {api_key(account)}"}

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        """The view's answer."""
        client = Client(headers=self._headers | headers, raise_request_exception=False)
        raw = json.dumps(body)
        return self._on_a_session(
            lambda: client.generic(method, f"/api/v1/{path}", raw, content_type="application/json")
        )

    def send_together(self, bodies: list[Any], **headers: str) -> list[Any]:
        """The answers of the short way to orders that are stored together."""
        alike = Alike(self._headers["Authorization"], "127.0.0.1", headers.get("Idempotency-Key"))
        replies = self._on_a_session(lambda: answer_posts(alike, [json.dumps(body).encode() for body in bodies]))
        return [
            SimpleNamespace(status_code=reply.status, json=partial(json.loads, reply.body), headers=reply.headers)
            for reply in replies
        ]

    def _on_a_session(self, ask: Callable[[], Any]) -> Any:
        """What a request gets that comes on a session of its own."""
        answers: list[Any] = []

        def run() -> None:
            session = connections["default"]
            session.settings_dict = session.settings_dict | {"HOST": "127.0.0.1", "PORT": str(self.proxy.port)}
            try:
                answers.append(ask())
            finally:
                session.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return answers[0]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    wanted = connection.settings_dict
    running = Proxy(str(wanted["HOST"]), int(wanted["PORT"]), late_s=LATE_S)
    yield running
    running.close()


@pytest.fixture
def caller(account: Account, proxy: Proxy) -> Caller:
    return Caller(account, proxy)


@pytest.fixture(autouse=True)
def quick_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "LOOK_UP_S", 1.5)
    monkeypatch.setattr(idempotency, "LOOK_UP_PAUSE_S", 0.02)


def cuts(
    caller: Caller, cut: Cut, ask: Callable[[], Any], *, is_shut_after: bool = False
) -> Iterator[tuple[Any, bool]]:
    """The answers to one request with its first, second, ... round trip cut, and whether that was its COMMIT."""
    for n in range(1, MOST_ROUND_TRIPS):
        caller.proxy.arm(n, cut, is_shut_after=is_shut_after)
        answer = ask()
        was_cut, statements = caller.proxy.was_cut, caller.proxy.statements
        caller.proxy.open()
        if not was_cut:
            assert answer.status_code < 300, answer.json()
            return
        yield answer, b"COMMIT" in statements[n - 1]
    pytest.fail("the request does not end")


def is_certain_of_nothing(answer: Any) -> bool:
    """Whether it says that nothing was stored; any other 503 must say that the outcome is unknown."""
    body = answer.json()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), body
    if body["code"] == "not_ready":
        assert body["detail"].endswith("nothing was stored")
        return True
    assert body["code"] == "outcome_unknown", body
    assert body["try"]
    return False


def forget_callers() -> None:
    """As a process that has just started: the next request has its caller and the tokens read."""
    known._known.clear()
    raw_orders._tokens.clear()


def settle(cut: Cut) -> None:
    """Wait until the server has ended with everything that a cut session asked for."""
    if cut is Cut.LATE:
        time.sleep(SETTLED_S)


PLACING: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "single": ("orders", ORDER, {}),
    "by client_order_id": ("orders", ORDER | {"client_order_id": "a"}, {}),
    "by key": ("orders", ORDER, {"Idempotency-Key": "k"}),
    "batch": ("orders/batch", {"orders": [ORDER, ORDER | {"client_order_id": "a"}]}, {}),
    "batch by key": ("orders/batch", {"orders": [ORDER, ORDER]}, {"Idempotency-Key": "k"}),
    "atomic batch": ("orders/batch", {"orders": [ORDER, ORDER], "atomic": True}, {}),
}


def fresh(body: Any, headers: dict[str, str], n: int) -> tuple[Any, dict[str, str]]:
    """The same request under new names."""
    text = json.dumps(body).replace('"client_order_id": "a"', f'"client_order_id": "a{n}"')
    return json.loads(text), {name: f"{value}{n}" for name, value in headers.items()}


@pytest.mark.parametrize("is_limited", [False, True], ids=["free", "limited"])
@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize("way", PLACING)
def test_what_is_said_of_orders_is_true(caller: Caller, way: str, cut: Cut, is_limited: bool) -> None:
    if is_limited:
        set_limits(caller.account, max_open_value=None, max_open_orders=1000, actor=Actor("t", reason="t"))
    path, body, headers = PLACING[way]
    wanted = len(body.get("orders", [1]))
    sent: list[tuple[Any, dict[str, str]]] = []

    def ask() -> Any:
        sent.append(fresh(body, headers, len(sent)))
        return caller.send("POST", path, sent[-1][0], **sent[-1][1])

    before, cut_commits = 0, 0
    for answer, was_commit in cuts(caller, cut, ask):
        cut_commits += was_commit
        if answer.status_code == 201:
            results = answer.json().get("results", [{"order": answer.json()}])
            ids = {result["order"]["id"] for result in results}
            assert {str(id_) for id_ in Order.objects.values_list("id", flat=True)} >= ids
            assert was_commit
            settle(cut)
            assert Order.objects.count() == before + wanted
        else:
            assert is_certain_of_nothing(answer)
            settle(cut)
            assert Order.objects.count() == before
        assert not was_commit or (answer.status_code == 201) is (cut is not Cut.LOST)
        before = Order.objects.count()
        again = caller.send("POST", path, sent[-1][0], **sent[-1][1])
        named = bool(headers) or (path == "orders" and "client_order_id" in body)
        assert again.status_code == 201
        assert Order.objects.count() == before + (0 if named and answer.status_code == 201 else _new(body, answer))
        before = Order.objects.count()
    assert cut_commits == 1


@pytest.mark.parametrize("is_limited", [False, True], ids=["free", "limited"])
@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize("way", ["alone", "together", "by key"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_what_is_said_of_orders_that_are_stored_together_is_true(
    caller: Caller, way: str, cut: Cut, is_limited: bool, is_known: bool
) -> None:
    """Each of its own, and of the repeat among them."""
    if is_limited:
        set_limits(caller.account, max_open_value=None, max_open_orders=1000, actor=Actor("t", reason="t"))
    [first] = place(caller.account, replace(terms(amount=250_000_000), client_order_id="known"))
    bodies = (
        [ORDER, ORDER | {"client_order_id": "a"}, ORDER | {"client_order_id": "known"}]
        if way == "together"
        else [ORDER]
    )
    sent: list[tuple[list[Any], dict[str, str]]] = []
    caller.send_together([ORDER])

    def ask() -> Any:
        if not is_known:
            forget_callers()
        sent.append(fresh(bodies, {"Idempotency-Key": "k"} if way == "by key" else {}, len(sent)))
        answers.append(caller.send_together(sent[-1][0], **sent[-1][1]))
        return answers[-1][0]

    before, cut_commits, answers = Order.objects.count(), 0, list[list[Any]]()
    for answer, was_commit in cuts(caller, cut, ask):
        cut_commits += was_commit
        settle(cut)
        new = answers[-1][:2]
        assert len({answer.status_code for answer in new}) == 1, "they share one transaction"
        stored = set(map(str, Order.objects.exclude(pk=first.pk).values_list("id", flat=True)))
        if answer.status_code == 201:
            assert {answer.json()["id"] for answer in new} <= stored
            assert was_commit
            assert Order.objects.count() == before + len(new)
        else:
            assert all(is_certain_of_nothing(answer) for answer in new)
            assert Order.objects.count() == before
        assert not was_commit or (answer.status_code == 201) is (cut is not Cut.LOST)
        if was_commit and way == "together":
            assert answers[-1][2].status_code == 422, "of other terms, which were stored before"
        before = Order.objects.count()
    assert cut_commits == 1


def test_orders_that_are_stored_together_are_each_told_their_own_names(caller: Caller) -> None:
    for cut in (Cut.ANSWERED, Cut.LOST):
        sent: list[list[Any]] = []
        answers: list[list[Any]] = []

        def ask(sent: list[Any] = sent, answers: list[Any] = answers, cut: Cut = cut) -> Any:
            n = len(sent) + (100 if cut is Cut.LOST else 0)
            sent.append(fresh([ORDER, ORDER | {"client_order_id": "a"}], {}, n)[0])
            answers.append(caller.send_together(sent[-1]))
            return answers[-1][0]

        for _, was_commit in cuts(caller, cut, ask, is_shut_after=True):
            for body, answer in zip(sent[-1], answers[-1], strict=True):
                assert is_certain_of_nothing(answer) is not was_commit, answer.json()
                if was_commit:
                    [id_] = answer.json()["facts"]["order_ids"]
                    assert Order.objects.filter(pk=id_).exists() is (cut is Cut.ANSWERED)
                    assert answer.json()["facts"]["client_order_ids"] == [
                        name for name in [body.get("client_order_id")] if name
                    ]


def _new(body: Any, answer: Any) -> int:
    """How many orders a repeat without an Idempotency-Key stores."""
    items = body.get("orders", [body])
    is_stored = answer.status_code == 201
    return sum("client_order_id" not in item or not is_stored for item in items)


@pytest.mark.parametrize("way", PLACING)
def test_where_nothing_can_be_looked_up_the_names_to_look_for_are_told(caller: Caller, way: str) -> None:
    path, body, headers = PLACING[way]
    wanted = len(body.get("orders", [1]))
    for cut in (Cut.ANSWERED, Cut.LOST):
        sent: list[tuple[Any, dict[str, str]]] = []

        def ask(sent: list[tuple[Any, dict[str, str]]] = sent, cut: Cut = cut) -> Any:
            sent.append(fresh(body, headers, len(sent) + (100 if cut is Cut.LOST else 0)))
            return caller.send("POST", path, sent[-1][0], **sent[-1][1])

        for answer, was_commit in cuts(caller, cut, ask, is_shut_after=True):
            before = Order.objects.count()
            assert is_certain_of_nothing(answer) is not was_commit, answer.json()
            if was_commit:
                facts = answer.json()["facts"]
                found = Order.objects.filter(pk__in=facts["order_ids"]).count()
                assert len(facts["order_ids"]) == wanted
                assert found == (wanted if cut is Cut.ANSWERED else 0)
                assert facts.get("idempotency_key") == sent[-1][1].get("Idempotency-Key")
                named = [item["client_order_id"] for item in sent[-1][0].get("orders", [sent[-1][0]]) if len(item) > 3]
                assert facts["client_order_ids"] == named
            settle(cut)
            assert Order.objects.count() == before


@pytest.mark.parametrize("is_shut_after", [False, True])
@pytest.mark.parametrize("cut", list(Cut))
def test_what_is_said_of_a_cancel_is_true(caller: Caller, cut: Cut, is_shut_after: bool) -> None:
    order = place(caller.account)[0]

    def ask() -> Any:
        return caller.send("DELETE", f"orders/{order.id}", {"reason": "test"})

    details = []
    for answer, was_commit in cuts(caller, cut, ask, is_shut_after=is_shut_after):
        details.append(answer.json()["detail"])
        settle(cut)
        order.refresh_from_db()
        if is_certain_of_nothing(answer):
            assert order.status == "PENDING"
            assert not was_commit
        else:
            assert f"GET /api/v1/orders/{order.id}" in answer.json()["try"]
            assert "stored" in answer.json()["detail"]
            [order] = place(caller.account)
    [unknown] = [detail for detail in details if detail.endswith("what was asked for may be stored or not")]
    assert details[-1].endswith("what was asked for is stored, but could not be read again"), "the read after COMMIT"
    assert details.index(unknown) < len(details) - 1


@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_is_said_of_a_pause_is_true(caller: Caller, method: str, cut: Cut) -> None:
    target = Target("account", caller.account.name, account_id=caller.account.id)

    def reset() -> None:
        TradingControl.objects.all().delete()
        if method == "DELETE":
            pause(target, Actor("t", reason="t"), is_by_owner=True)

    reset()
    before = TradingControl.objects.count()
    for answer, was_commit in cuts(caller, cut, lambda: caller.send(method, "halt", {"reason": "test"})):
        settle(cut)
        if is_certain_of_nothing(answer):
            assert TradingControl.objects.count() == before
            assert not was_commit
        else:
            assert "GET /api/v1/halt" in answer.json()["try"]
        reset()


@pytest.mark.parametrize("cut", list(Cut))
def test_what_is_said_of_a_ticket_is_true(caller: Caller, cut: Cut) -> None:
    for answer, _ in cuts(caller, cut, lambda: caller.send("POST", "ws-tickets", {})):
        settle(cut)
        if is_certain_of_nothing(answer):
            assert WsTicket.objects.count() == 0
        else:
            assert "another ticket" in answer.json()["try"]
        WsTicket.objects.all().delete()


@pytest.mark.parametrize("cut", [Cut.LOST, Cut.ANSWERED])
@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        ("create", b"COMMIT", "what was asked for may be stored or not"),
        ("create", b"INSERT INTO", "nothing was stored"),
        ("list", b"orders_apikey", "nothing was stored"),
    ],
)
def test_a_command_says_what_is_known(
    account: Account, proxy: Proxy, cut: Cut, command: str, text: bytes, words: str
) -> None:
    wanted = connection.settings_dict
    user, password = quote(str(wanted["USER"])), quote(str(wanted["PASSWORD"]))
    url = f"postgresql://{user}:{password}@127.0.0.1:{proxy.port}/{wanted['NAME']}"
    named = [account.name] if command == "create" else []
    proxy.arm(1, cut, text=text)

    done = subprocess.run(
        [sys.executable, "manage.py", "keys", command, *named],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert proxy.was_cut
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert words in done.stderr
    assert ("Look at what is stored before you repeat the command" in done.stderr) is (text == b"COMMIT")
    assert ApiKey.objects.filter(account=account).exists() is (text == b"COMMIT" and cut is Cut.ANSWERED)


@pytest.mark.parametrize("cut", list(Cut))
def test_a_web_server_with_a_pool_of_sessions_says_what_is_true(
    account: Account, proxy: Proxy, cut: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose other sessions may be as dead as the one that was lost."""
    headers = {"Authorization": f"Bearer {api_key(account)}"}
    monkeypatch.setenv("DB_POOL_MAX", "4")
    monkeypatch.setitem(connection.settings_dict, "PORT", str(proxy.port))
    with web_server(tmp_path) as web, httpx.Client(base_url=f"http://127.0.0.1:{web.port}", timeout=15) as http:
        assert http.post("/api/v1/orders", json=ORDER, headers=headers).status_code == 201
        stored = 1
        for i in range(5):
            proxy.arm(1, cut, text=b"COMMIT")
            named = ORDER | {"client_order_id": f"p{i}"}
            answer = http.post("/api/v1/orders", json=named, headers=headers)
            assert proxy.was_cut
            proxy.open()
            if cut is Cut.LOST:
                assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
                assert answer.json()["detail"].endswith("nothing was stored")
            else:
                stored += 1
                assert answer.status_code == 201, answer.json()
                assert answer.json()["client_order_id"] == f"p{i}"
            settle(cut)
            assert Order.objects.count() == stored


def test_every_view_that_writes_says_how_to_look_up_what_became_of_it() -> None:
    from orders.api.urls import urlpatterns

    views: set[Any] = {getattr(pattern.callback, "view_class") for pattern in urlpatterns}  # noqa: B009 - untyped
    silent = {
        (view.__name__, method)
        for view in views
        for method in ("POST", "PUT", "PATCH", "DELETE")
        if hasattr(view, method.lower()) and not view.look_up.get(method)
    }

    assert silent == {(view, "POST") for view in ("QuotesView", "CurveView", "ReplayView")}, "they store nothing"
