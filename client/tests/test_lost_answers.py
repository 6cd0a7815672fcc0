"""A real web process whose answers are lost: the request was carried out, and the client finds that out by itself."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from dex.chains.simulated import SimulatedChain
from orderengine_client import Client, ConflictError, NotFoundError, Retries, VersionChangedError
from orders.models import Account, AuditEntry, Order, OrderEvent
from orders.tests.factories import api_key
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

WAITS: Any = {"type": "limit", "limit_price": "100000", "time_in_force": "gtc"}
SWAP: Any = ("SOL", "USDC", "1")


class Losing(ThreadingHTTPServer):
    """Passes requests on; while `lost` is above zero, the answers to all but GET are thrown away."""

    def __init__(self, web: Web) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.web_url, self.lost, self.passed = f"http://127.0.0.1:{web.port}", 0, 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Losing

    def _pass(self) -> None:
        self.server.passed += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        names = ("Authorization", "Content-Type", "If-Match", "Idempotency-Key")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        answer = httpx.request(self.command, self.server.web_url + self.path, content=body, headers=headers)
        self.close_connection = True
        if self.command != "GET" and self.server.lost > 0:
            self.server.lost -= 1
            return
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Retry-After"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PATCH = do_DELETE = _pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def losing(account: Account, chain: SimulatedChain, both_webs: list[Web]) -> Iterator[Losing]:
    with Losing(both_webs[0]) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(account: Account, losing: Losing) -> Iterator[Client]:
    with Client(losing.url, api_key(account), retries=Retries(deadline_s=30, first_s=0.01, most_s=0.01)) as client:
        yield client


def test_orders_are_placed_once(client: Client, losing: Losing, account: Account) -> None:
    losing.lost = 2
    one = client.place(*SWAP)
    losing.lost = 2
    wanted: Any = [{"token_in": "SOL", "token_out": "USDC", "amount": str(n)} for n in (1, 2, 3)]
    many = client.place_many(wanted, link="one_cancels_other")

    placed = {one.id, *(result.order.id for result in many)}  # type: ignore[union-attr]
    assert losing.passed == 6
    assert len(placed) == 4
    assert set(Order.objects.filter(account=account).values_list("id", flat=True)) == placed


def test_a_cancel_is_its_own_answer(client: Client, losing: Losing, account: Account) -> None:
    order = client.place(*SWAP, **WAITS)
    losing.lost = 1
    cancelled = client.cancel(order.id, "enough")

    assert (cancelled.status, cancelled.outcome) == ("FAILED", "cancelled")
    assert OrderEvent.objects.filter(order_id=order.id, status="FAILED").count() == 1
    with pytest.raises(ConflictError):
        client.cancel(order.id)


@pytest.mark.parametrize(
    "terms",
    [
        {"amount": "2.50"},
        {"limit_price": "100001.0", "amount": 2},
        {"expires_at": datetime.now(UTC) + timedelta(days=1)},
        {"guards": {"max_slippage_bps": "70.0"}},
    ],
)
def test_a_replacement_is_its_own_answer(client: Client, losing: Losing, account: Account, terms: Any) -> None:
    order = client.place(*SWAP, **WAITS)
    losing.lost = 1
    replaced = client.replace(order.id, order.version, **terms)

    assert replaced.version == order.version + 1
    assert AuditEntry.objects.filter(account=account, action="order.replace").count() == 1
    # The same again, by another version: what it asks for is what there is, and it is not its own change.
    losing.lost = 0
    with pytest.raises(VersionChangedError):
        client.replace(order.id, order.version, **terms)


def test_a_replacement_of_another_in_between_is_told(client: Client, losing: Losing) -> None:
    order = client.place(*SWAP, **WAITS)
    other = client.replace(order.id, order.version, amount="3")
    losing.lost = 1
    with pytest.raises(VersionChangedError):
        client.replace(order.id, order.version, amount="4")

    assert client.get(order.id) == other


def test_switches_are_thrown_once(client: Client, losing: Losing, account: Account) -> None:
    losing.lost = 1
    assert [halt.reason for halt in client.halt("lunch")] == ["lunch"]
    losing.lost = 1
    assert client.resume("back") == []
    with pytest.raises(NotFoundError):
        client.resume("again")
    losing.lost = 1
    assert client.deadman(30).state == "armed"

    entries = AuditEntry.objects.filter(account=account, action__startswith="halt.").order_by("pk")
    assert list(entries.values_list("action", flat=True)) == ["halt.set", "halt.lift"]


def test_many_are_cancelled_once_and_the_first_answer_comes(client: Client, losing: Losing, account: Account) -> None:
    orders = [client.place(*SWAP, **WAITS) for _ in range(3)]
    losing.lost = 1
    many = client.cancel_many(all=True)

    assert [one.id for one in many.results] == [order.id for order in orders]
    assert {one.result for one in many.results} == {"cancelled"}
