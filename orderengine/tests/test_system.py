"""The whole engine as `make run` starts it, web, worker and beat: what its users are promised while parts of it die."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.engines import FAST, ROOT, Engine, is_running, order, until

pytestmark = pytest.mark.system

ENDED = ("CONFIRMED", "FAILED")


@pytest.fixture(scope="module")
def whole() -> Iterator[Engine]:
    """One engine for the file: each test uses orders of its own."""
    with state_directory() as state:
        engine = Engine(state, PORT=str(free_port()), **FAST).until_up()
        yield engine
        assert engine.process.poll() is None, "".join(engine.said)
        engine.stop()


@pytest.fixture
def http(whole: Engine) -> Iterator[httpx.Client]:
    """A caller on this machine, while everything it needs is up."""
    with httpx.Client(base_url=whole.url, timeout=10) as client:
        until(lambda: client.get("/ready").status_code == 200, 60)
        yield client


def all_ended(whole: Engine) -> bool:
    with whole.connect() as database:
        row = database.execute("SELECT count(*) FROM orders_order WHERE NOT status = ANY(%s)", [list(ENDED)]).fetchone()
    return row == (0,)


def kill_worker(whole: Engine) -> int:
    """SIGKILL to the worker and its children at once, as an out-of-memory killer would do it."""
    worker = whole.processes()["worker"]
    os.killpg(worker, signal.SIGKILL)
    return worker


def test_kill_9_of_the_worker_in_the_middle_of_500_orders_loses_and_doubles_none(
    whole: Engine, http: httpx.Client
) -> None:
    bodies = [order() for _ in range(500)]
    kills: list[int] = []
    for i in range(0, 500, 100):
        answer = http.post("/api/v1/orders/batch", json={"orders": bodies[i : i + 100]})
        assert answer.status_code == 201, answer.text
        until(lambda: whole.processes().get("worker") not in {None, *kills}, 20)
        time.sleep(0.15)  # somewhere in its work, not before it
        kills.append(kill_worker(whole))

    until(lambda: all_ended(whole), 60)

    assert len(set(kills)) == 5
    mine = [body["client_order_id"] for body in bodies]
    with whole.connect() as database:
        outcomes = Counter(
            database.execute(
                "SELECT status, outcome FROM orders_order WHERE client_order_id = ANY(%s)", [mine]
            ).fetchall()
        )
        doubled = database.execute(
            "SELECT o.id FROM orders_order o JOIN orders_submission s ON s.order_id = o.id"
            " WHERE o.client_order_id = ANY(%s) GROUP BY o.id HAVING count(*) > 1",
            [mine],
        ).fetchall()
        # The chain's own books, which the engine cannot write except by broadcast.
        executed = database.execute(
            "SELECT count(*), count(DISTINCT s.order_id) FROM simulated_chaintransaction c"
            " JOIN orders_signedtransaction t ON t.tx_hash = c.tx_hash"
            " JOIN orders_submission s ON s.id = t.submission_id JOIN orders_order o ON o.id = s.order_id"
            " WHERE c.state = 'included' AND c.code IS NULL AND o.client_order_id = ANY(%s)",
            [mine],
        ).fetchone()
        nonces = database.execute(
            "SELECT count(*), count(DISTINCT nonce), max(nonce) + 1 FROM simulated_chaintransaction"
            " WHERE state = 'included'"
        ).fetchone()
        holes = database.execute(
            "SELECT order_id FROM orders_orderevent GROUP BY order_id HAVING max(seq) <> count(*) OR min(seq) <> 1"
        ).fetchall()
    assert outcomes == {("CONFIRMED", "filled"): 500}
    assert (doubled, holes) == ([], [])
    assert executed == (500, 500)
    assert nonces is not None
    assert len(set(nonces)) == 1


def test_a_frozen_redis_delays_nobody_and_loses_nothing(whole: Engine, http: httpx.Client) -> None:
    until(lambda: "valkey" in whole.processes(), 20)  # another test may have killed it just before
    valkey = whole.processes()["valkey"]
    os.kill(valkey, signal.SIGSTOP)
    try:
        answers, took_s = [], []
        for _ in range(5):
            started_at = time.monotonic()
            answers.append(http.post("/api/v1/orders", json=order()))
            took_s.append(time.monotonic() - started_at)
    finally:
        os.kill(valkey, signal.SIGCONT)

    assert [answer.status_code for answer in answers] == [201] * 5
    assert max(took_s) < 1
    until(lambda: all_ended(whole), 60)
    assert {http.get(answer.headers["Location"]).json()["outcome"] for answer in answers} == {"filled"}


def test_a_dead_redis_delays_nobody_and_loses_nothing(whole: Engine, http: httpx.Client) -> None:
    worker = whole.processes()["worker"]
    # Tasks must be running when the broker goes.
    http.post("/api/v1/orders/batch", json={"orders": [order() for _ in range(100)]})
    os.kill(whole.processes()["valkey"], signal.SIGKILL)
    started_at = time.monotonic()
    answer = http.post("/api/v1/orders", json=order())

    assert answer.status_code == 201
    assert time.monotonic() - started_at < 1
    until(lambda: http.get(answer.headers["Location"]).json()["outcome"] == "filled", 60)
    until(lambda: all_ended(whole), 60)
    assert whole.processes()["worker"] == worker


def test_who_calls_while_the_web_process_is_away_waits_and_is_not_refused(whole: Engine, http: httpx.Client) -> None:
    web = whole.processes()["web"]
    os.killpg(web, signal.SIGKILL)
    until(lambda: not is_running(web), 10)

    answer = httpx.post(f"{whole.url}/api/v1/orders", json=order(), timeout=60)

    assert answer.status_code == 201
    assert whole.processes()["web"] != web


def test_a_dead_database_is_waited_for_or_a_503_and_never_half_an_order(whole: Engine, http: httpx.Client) -> None:
    killed = whole.processes()["postgres"]
    os.kill(killed, signal.SIGKILL)
    bodies: list[dict[str, Any]] = []
    codes: list[int] = []
    unknown: set[int] = set()
    ends_at = time.monotonic() + 30
    # Sessions that are open may answer once more before they notice: it is over when the next server answers.
    while time.monotonic() < ends_at and (not codes or codes[-1] != 201 or whole.processes()["postgres"] == killed):
        bodies.append(order())
        answer = http.post("/api/v1/orders", json=bodies[-1])
        codes.append(answer.status_code)
        if answer.status_code == 503:
            # A session whose server was killed may end between the order's insert and its COMMIT.
            assert answer.json()["code"] in {"not_ready", "outcome_unknown"}
            assert int(answer.headers["Retry-After"]) > 0
            if answer.json()["code"] == "outcome_unknown":
                unknown.add(len(bodies) - 1)
        time.sleep(0.1)

    # How many had to give up depends on how soon the next server was there.
    assert {201} <= set(codes) <= {503, 201}
    until(lambda: all_ended(whole), 60)
    found = [http.get(f"/api/v1/orders/by-client-id/{body['client_order_id']}").status_code for body in bodies]
    for place, (code, status) in enumerate(zip(codes, found, strict=True)):
        assert status in ({200, 404} if place in unknown else {200} if code == 201 else {404})


def test_seed_shows_five_orders_ending_as_intended(whole: Engine, http: httpx.Client) -> None:
    shown = whole.manage("seed")

    assert shown.returncode == 0, shown.stderr
    assert "3 confirmed · 1 failed · 1 waiting" in shown.stdout
    waiting = r"5 \S+ 50 SOL → USDC @ 150 {2}PENDING waits for price, now 14\S+ \([0-9.]+ % away\)"
    assert re.search(waiting, shown.stdout), shown.stdout
    assert re.search(r"3 \S+ 1,000 USDC → SOL {2}4 BUILDING again: network", shown.stdout)
    assert len(re.findall(r" SUBMITTED ", shown.stdout)) == 6  # the fourth one three times
    (named,) = re.findall(r"^next: manage.py orders explain ([0-9a-f]{12})$", shown.stdout, re.MULTILINE)
    explained = whole.manage("orders", "explain", named)
    assert "It ended as slippage." in explained.stdout
    assert "Attempt 3 was quoted" in explained.stdout
    left = http.post("/api/v1/orders/cancel", json={"type": "limit"}).json()
    assert [result["result"] for result in left["results"]] == ["cancelled"]


def test_seed_tells_programs_the_same(whole: Engine, http: httpx.Client) -> None:
    shown = whole.manage("seed", "--json", "--count", "2")

    assert shown.returncode == 0, shown.stderr
    events = [httpx.Response(200, content=line).json() for line in shown.stdout.splitlines()]
    assert Counter(event["status"] for event in events) == dict.fromkeys(
        ("PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"), 2
    )


def test_seed_exits_with_1_when_an_order_does_not_end(whole: Engine, http: httpx.Client) -> None:
    shown = whole.manage("seed", "--count", "1", "--scenario", "slow", "--timeout", "0.2")

    assert shown.returncode == 1
    assert "after 0.2 s" in shown.stderr


def test_doctor_finds_nothing_missing(whole: Engine, http: httpx.Client) -> None:
    told = whole.manage("doctor")

    assert told.returncode == 0, told.stdout
    assert "FAIL" not in told.stdout


def test_pages_for_people_are_served(http: httpx.Client) -> None:
    docs, start, admin = (http.get(path, follow_redirects=True) for path in ("/api/v1/docs", "/", "/admin/"))

    assert [page.status_code for page in (docs, start, admin)] == [200, 200, 200]
    links = re.findall(r'(?:src|href)="([^"#]+)"', docs.text + start.text + admin.text)
    assets = [link for link in links if link.endswith((".js", ".css", ".png"))]
    assert assets
    assert [link for link in assets if not link.startswith("/")] == []  # nothing is loaded from elsewhere
    assert {http.get(link).status_code for link in assets} == {200}


def examples(language: str) -> list[str]:
    """The README's code blocks of one language that speak to an engine that runs."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL)
    return [block for block in blocks if "localhost:3000" in block and "make run" not in block]


def test_the_examples_of_the_readme_run_as_they_stand(whole: Engine, http: httpx.Client) -> None:
    placed = http.post("/api/v1/orders", json=order()).json()
    shell, python = examples("bash"), examples("python")
    assert (len(shell), len(python)) == (4, 1)

    for block, program in [*((block, ["bash", "-euo", "pipefail"]) for block in shell), (python[0], [sys.executable])]:
        text = block.replace("localhost:3000", whole.url.removeprefix("http://")).replace("ORDER_ID", placed["id"])
        # Fails on HTTP errors as well, but for the one that shows what a terminal order answers.
        ran = subprocess.run(program, input=text, capture_output=True, text=True, timeout=30, check=False)
        assert ran.returncode == 0, f"{block}\n{ran.stderr}"
        assert ran.stdout.strip(), block
        assert '"malformed_json"' not in ran.stdout
        assert '"invalid"' not in ran.stdout
