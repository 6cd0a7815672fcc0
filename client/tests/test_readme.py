"""The programs of README and docs/client.md, as they stand; the README's over two kills of the web process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dex.chains.simulated import SimulatedChain
from orderengine_client import Client
from orders.models import Account, Order, OrderEvent
from orders.states import TERMINAL
from orders.tests.factories import api_key
from orders.tests.web import Web
from tests.conftest import Worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def programs(page: str) -> list[str]:
    found: list[str] = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [program for program in found if "orderengine_client" in program]


@contextmanager
def running(program: str, web: Web, key: str, directory: Path = ROOT) -> Iterator["subprocess.Popen[str]"]:
    url = f"http://127.0.0.1:{web.port}"
    given = {"ORDER_ENGINE_URL": url, "ORDER_ENGINE_API_KEY": key, "PYTHONPATH": str(ROOT / "client/src")}
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program], cwd=directory, env=os.environ | given, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_readme_s_program_runs_over_two_kills(
    account: Account, chain: SimulatedChain, both_webs: list[Web], worker: Callable[[], Worker]
) -> None:
    [program], web = programs("README.md"), both_webs[0]
    assert len(program.splitlines()) <= 20
    web.end(signal.SIGKILL)
    with running(program, web, api_key(account)) as process:
        assert process.stdout
        web.start()
        said = [process.stdout.readline(), process.stdout.readline()]
        web.end(signal.SIGKILL)
        with worker():
            until(lambda: Order.objects.filter(account=account, status__in=TERMINAL).exists())
        web.start()
        said += process.stdout.readlines()
        assert process.wait(60) == 0

    [order] = Order.objects.filter(account=account)
    assert said[0].startswith("250 SOL are worth ")
    assert [line.split() for line in said[1:6]] == [
        ["1", "PENDING", "None"],
        ["2", "ROUTING", "None"],
        ["3", "BUILDING", "None"],
        ["4", "SUBMITTED", "None"],
        ["5", "CONFIRMED", "filled"],
    ]
    assert said[6].startswith("got ")
    assert str(order.tx_hash) in said[6]
    assert "250 SOL" in said[7]


def test_the_programs_of_the_page_run(
    account: Account, both_webs: list[Web], worker: Callable[[], Worker], tmp_path: Path
) -> None:
    [waits, looks_up, streams], web, key = programs("docs/client.md"), both_webs[0], api_key(account)
    with worker(), running(waits, web, key) as process:
        said = (process.communicate(timeout=60)[0]).splitlines()
        assert process.returncode == 0
    assert said[0].startswith("CONFIRMED filled ")
    assert said[1:] == ["rebalance-7 CONFIRMED"]

    with running(looks_up, web, key) as process:
        placed = process.communicate(timeout=60)[0].strip()
    first = [(str(one), seq) for one, seq in OrderEvent.objects.filter(account=account).values_list("order_id", "seq")]
    assert Order.objects.get(pk=placed).client_order_id is not None

    def read_new(count: int) -> list[tuple[str, int]]:
        """What the program prints until it has stored the cursor of the account's last event."""
        with Client(f"http://127.0.0.1:{web.port}", key) as client:
            last = client.account_events("0").results[-1].cursor
        with running(streams, web, key, tmp_path) as process:
            assert process.stdout
            lines = [process.stdout.readline().split() for _ in range(count)]
            until(lambda: (tmp_path / "cursor").exists() and (tmp_path / "cursor").read_text() == last)
            return [(one, int(seq)) for one, seq, _ in lines]

    assert sorted(read_new(len(first))) == sorted(first)
    with Client(f"http://127.0.0.1:{web.port}", key) as client:
        order = client.place("SOL", "USDC", "1")
    assert read_new(1) == [(str(order.id), 1)]
