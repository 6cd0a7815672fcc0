"""Reports and replays: some at a time, of one account and of all."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from rest_framework.exceptions import Throttled

from orders.api.records import reports
from orders.api.records.at_once import MOST, MOST_OF_ACCOUNT, AtOnce
from orders.api.records.receipts import MARKETS
from orders.models import Account
from orders.tests.factories import place
from orders.tests.http_client import Api

REPORT = "reports/execution?group_by=pair"
ACCOUNTS = [Account(pk=number) for number in range(1, 9)]


def test_an_account_has_its_share_and_all_together_have_theirs() -> None:
    some = AtOnce("reports")
    with ExitStack() as running:
        for _ in range(MOST_OF_ACCOUNT):
            running.enter_context(some.one(ACCOUNTS[0]))
        with pytest.raises(Throttled, match="of yours"), some.one(ACCOUNTS[0]):
            pass
        for account in ACCOUNTS[1 : 1 + MOST - MOST_OF_ACCOUNT]:
            running.enter_context(some.one(account))
        with pytest.raises(Throttled, match="here"), some.one(ACCOUNTS[-1]):
            pass

    with some.one(ACCOUNTS[0]), some.one(ACCOUNTS[0]):
        pass


def test_what_fails_leaves_its_place() -> None:
    some = AtOnce("reports")
    for _ in range(MOST + 1):
        with pytest.raises(ZeroDivisionError), some.one(ACCOUNTS[0]):
            1 / 0  # noqa: B018


def test_never_more_than_so_many_run() -> None:
    some, lock, counts, most = AtOnce("reports"), threading.Lock(), [0], [0]

    def work(account: Account) -> bool:
        try:
            with some.one(account):
                with lock:
                    counts[0] += 1
                    most[0] = max(most[0], counts[0])
                with lock:
                    counts[0] -= 1
        except Throttled:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(work, ACCOUNTS * 50))

    assert any(done)
    assert most[0] <= MOST


@pytest.mark.django_db
def test_a_report_too_many_is_refused_and_told_when_to_come_again(account: Account) -> None:
    api = Api(account)
    with ExitStack() as running:
        for _ in range(MOST_OF_ACCOUNT):
            running.enter_context(reports.REPORTS.one(account))
        refused = api.get(REPORT)

    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (429, "throttled", "2")
    assert api.get(REPORT).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_so_are_a_replay_and_the_file_of_a_market(account: Account, drive: Callable[..., None]) -> None:
    api, [order] = Api(account), place(account)
    drive()
    address = f"orders/{order.id}/replay"
    with ExitStack() as running:
        for _ in range(MOST_OF_ACCOUNT):
            running.enter_context(MARKETS.one(account))
        refused = [api.post(address, {}), api.get(f"orders/{order.id}/snapshot")]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(429, "throttled")] * 2
    assert api.post(address, {}).status_code == 200
