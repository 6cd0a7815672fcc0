"""Orders on nodes that answer wrongly, late, few calls at once, or without the newest block: each ends as it should."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dex import Engine
from dex.chains.evm.local.world import World
from dex.testing.json_rpc import HttpReply, RawCall, RawReply, RpcProxy, error_reply, rpc_proxy
from dex.tests.chains.evm.evm_orders import ETH
from orders.config import Policy
from orders.models import Account, Order, SignedTransaction, Submission
from orders.pipeline import periodic
from orders.pipeline.loop import run_stage
from orders.reconciliation.blocks import watch_blocks
from orders.reconciliation.wallets import watch_wallets
from orders.states import Stage
from orders.tests.evm import POLICY, engine_on, finish, sale, work
from orders.tests.factories import new_account, place
from orders.tests.http_client import Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]


@pytest.fixture
def owner(world: World, db: None) -> Account:
    engine_on(world)
    return new_account()


@pytest.fixture
def proxy(world: World) -> Iterator[RpcProxy]:
    with rpc_proxy(world.anvil.url) as proxy:
        yield proxy


def outcomes() -> set[tuple[str, str | None, int]]:
    return set(Order.objects.values_list("status", "outcome", "attempt"))


@pytest.mark.parametrize("most", [7, 1])
def test_a_node_that_takes_few_calls_at_once_holds_up_no_order(
    world: World, owner: Account, proxy: RpcProxy, most: int
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,)))
    proxy.refuses = lambda calls: error_reply("batch too large", -32005) if len(calls) > most else None
    place(owner, *(sale(engine, ETH // 10 + number) for number in range(30)))

    finish(world, engine)

    assert outcomes() == {("CONFIRMED", "filled", 1)}
    assert SignedTransaction.objects.count() == 30


def test_a_node_without_batches_holds_up_no_order(world: World, owner: Account, proxy: RpcProxy) -> None:
    proxy.takes_arrays = False
    engine = Engine(world.chain(urls=(proxy.url,)))
    place(owner, *(sale(engine, ETH // 10 + number) for number in range(5)))

    finish(world, engine)

    assert outcomes() == {("CONFIRMED", "filled", 1)}


def test_a_node_that_lacks_each_newest_block_for_a_while_fails_no_order(
    world: World, owner: Account, proxy: RpcProxy
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,)))
    seen: dict[str, float] = {}

    def alter(calls: list[RawCall], replies: list[RawReply]) -> HttpReply | None:
        """The newest block is known by its number only half a second after it was first told."""
        for call, reply in zip(calls, replies, strict=True):
            if call["method"] == "eth_getBlockByNumber" and isinstance(reply.get("result"), dict):
                seen.setdefault(reply["result"]["number"], time.monotonic())
        unknown = {number for number, at in seen.items() if time.monotonic() - at < 0.5}
        error = {"code": -32000, "message": "header not found"}
        altered = [
            {"jsonrpc": "2.0", "id": call["id"], "error": error}
            if unknown & {value for value in call["params"] if isinstance(value, str)}
            else reply
            for call, reply in zip(calls, replies, strict=True)
        ]
        return HttpReply(json.dumps(altered).encode())

    proxy.alters = alter
    place(owner, *(sale(engine, ETH // 10 + number) for number in range(10)))

    finish(world, engine)

    assert outcomes() == {("CONFIRMED", "filled", 1)}


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_feeHistory", {"oldestBlock": "0x1"}),
        ("eth_feeHistory", None),
        ("eth_getTransactionCount", None),
        ("eth_getBlockByNumber", None),
        ("eth_call", "0x"),
        ("eth_chainId", "0x"),
        ("eth_getCode", None),
    ],
)
def test_a_wrong_answer_is_waited_out(
    world: World, owner: Account, proxy: RpcProxy, method: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dex.chains.evm.nodes.rpc.PATIENCE_S", 0.1)
    engine = Engine(world.chain(urls=(proxy.url,)))
    [order] = place(owner, sale(engine))
    proxy.answers[method] = answer
    for _ in range(3):
        work(engine)
        Order.objects.update(due_at="2026-01-01T00:00:00Z")
    watch_wallets(engine)
    watch_blocks(engine)
    for job in periodic.JOBS.values():
        job.run(engine, POLICY)
    order.refresh_from_db()
    assert (order.outcome, order.attempt, SignedTransaction.objects.count()) == (None, 1, 0)
    proxy.answers.clear()

    finish(world, engine)

    assert outcomes() == {("CONFIRMED", "filled", 1)}


def test_receipts_without_a_block_are_those_of_transactions_that_wait(
    world: World, owner: Account, proxy: RpcProxy
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,)))
    [order] = place(owner, sale(engine))
    work(engine, Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    world.anvil.mine(3)
    order.refresh_from_db()
    real = world.anvil.ask("eth_getTransactionReceipt", order.tx_hash)
    for spoilt in ({"blockNumber": None, "blockHash": None}, {"blockNumber": None}, {"logs": None}, {"status": "0x"}):
        proxy.answers["eth_getTransactionReceipt"] = real | spoilt
        work(engine, Stage.CONFIRM)
        watch_wallets(engine)
        watch_blocks(engine)
        for job in periodic.JOBS.values():
            job.run(engine, POLICY)
        order.refresh_from_db()
        assert (order.status, order.outcome) == ("SUBMITTED", None)
    proxy.answers.clear()

    finish(world, engine)

    assert outcomes() == {("CONFIRMED", "filled", 1)}


def test_a_swap_that_would_be_undone_is_never_signed_in_whatever_words(
    world: World, owner: Account, proxy: RpcProxy
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,)))
    [order] = place(owner, sale(engine, 5_000 * ETH))

    def alter(calls: list[RawCall], replies: list[RawReply]) -> HttpReply:
        told = [
            {"jsonrpc": "2.0", "id": reply["id"], "error": in_other_words(reply["error"])}
            if "error" in reply
            else reply
            for reply in replies
        ]
        return HttpReply(json.dumps(told).encode())

    def in_other_words(error: dict[str, Any]) -> dict[str, Any]:
        return {"code": -32015, "message": "VM execution error.", "data": f"Reverted {error.get('data', '0x')}"}

    proxy.alters = alter

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "insufficient_funds")
    assert (Submission.objects.count(), SignedTransaction.objects.count()) == (0, 0)


def test_on_a_slow_node_orders_are_filled_and_no_stage_takes_longer_than_its_limit(
    world: World, owner: Account, proxy: RpcProxy
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,), timeout_s=2.0, deadline_s=2.0))
    place(owner, *(sale(engine, ETH // 10 + number) for number in range(5)))
    proxy.delay_s, longest_s = 0.4, 0.0

    def run(stage: Stage) -> None:
        nonlocal longest_s
        began = time.monotonic()
        work(engine, stage)
        longest_s = max(longest_s, time.monotonic() - began)

    for _ in range(40):
        if not Order.objects.exclude(status="CONFIRMED").exists():
            break
        Order.objects.filter(lease_until__isnull=True).update(due_at="2026-01-01T00:00:00Z")
        for stage in Stage:
            run(stage)
        world.anvil.mine()

    assert outcomes() == {("CONFIRMED", "filled", 1)}
    assert longest_s < 3.5


def test_a_batch_that_took_long_is_handed_over_not_carried_on(world: World, owner: Account) -> None:
    engine = Engine(world.chain())
    [order] = place(owner, sale(engine))

    run_stage(Stage.ROUTE, engine=engine, policy=Policy(carry_s=0.0))

    order.refresh_from_db()
    assert (order.status, order.lease_until) == ("BUILDING", None)
    assert not SignedTransaction.objects.exists()


def test_a_quote_on_a_slow_node_is_answered_within_its_limit(
    world: World, owner: Account, proxy: RpcProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(world.chain(urls=(proxy.url,), deadline_s=0.8, snapshot_s=5.0))
    monkeypatch.setattr("orders.api.market.quotes.get_engine", lambda: engine)
    monkeypatch.setattr("orders.values.get_engine", lambda: engine, raising=False)
    api, body = Api(owner), {"token_in": "WETH", "token_out": "USDC", "amount": "1"}
    proxy.delay_s = 0.4

    answers: list[tuple[int, float]] = []
    for _ in range(8):
        began = time.monotonic()
        answer = api.post("quotes", body)
        answers.append((answer.status_code, time.monotonic() - began))
        if answer.status_code == 200:
            break

    assert [status for status, _ in answers] == [503] * (len(answers) - 1) + [200]
    assert 2 <= len(answers) <= 6
    assert max(seconds for _, seconds in answers) < 1.6
