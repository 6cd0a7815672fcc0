"""A reorg past finality that took everything in again before anybody looked: noticed by the blocks, reported once."""

from typing import Any

import pytest
from django.db import connection

from dex import ChainUnavailable, Engine
from dex.chains.simulated import SimulatedChain
from orders.config import Policy
from orders.models import Account, AuditEntry, Fill, Order, TradingControl
from orders.pipeline.loop import run_stage
from orders.reconciliation import blocks
from orders.reconciliation.blocks import watch_blocks
from orders.reconciliation.wallets import watch_wallets
from orders.risk.pause import find_target, resume
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, place
from orders.tests.pipeline.chain_faults import BOSS, CONFIRMATIONS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


@pytest.fixture
def chain(engine: Engine) -> SimulatedChain:
    assert isinstance(engine.chain, SimulatedChain)
    return engine.chain


def fill(account: Account, engine: Engine, chain: SimulatedChain) -> Order:
    """An order in a final block."""
    [order] = place(account)
    policy = Policy(stuck_s=1e9)
    for stage in (Stage.ROUTE, Stage.BUILD, Stage.SUBMIT):
        run_stage(stage, engine=engine, policy=policy)
        let_leases_run_out()
    chain.mine(CONFIRMATIONS)
    Order.objects.update(due_at=order.created_at)
    run_stage(Stage.CONFIRM, engine=engine, policy=policy)
    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    return order


def reorg_unseen(chain: SimulatedChain) -> None:
    """Everything comes back, in another block."""
    chain.reorg(CONFIRMATIONS + 1, past_finality=True)
    chain.advance()
    chain.mine(CONFIRMATIONS)


def incidents() -> list[Any]:
    return list(AuditEntry.objects.filter(action="incident.reorg").order_by("id"))


def test_a_final_block_that_was_exchanged_unseen_pauses_the_chain_once(
    account: Account, engine: Engine, chain: SimulatedChain
) -> None:
    order = fill(account, engine, chain)
    stored = Fill.objects.get()
    assert watch_blocks(engine) is None
    assert order.tx_hash is not None
    reorg_unseen(chain)
    [receipt] = chain.receipts([order.tx_hash])
    assert receipt is not None
    assert receipt.block_hash != stored.block_hash
    assert watch_wallets(engine) == [], "no nonce tells"

    found = watch_blocks(engine)

    assert found == stored.block_number
    [incident] = incidents()
    assert (incident.actor, incident.subject) == ("engine", "chain:simulated")
    assert incident.before == {"block_number": stored.block_number, "block_hash": stored.block_hash}
    assert incident.after == {"block_number": receipt.block_number, "block_hash": receipt.block_hash}
    [row] = TradingControl.objects.all()
    assert (row.scope, row.chain_id, row.actor) == ("chain", "simulated", "engine")
    order.refresh_from_db()
    assert order.status == "CONFIRMED", "nothing is un-confirmed"

    assert resume(find_target("chain", "", engine), BOSS)
    assert watch_blocks(engine) is None
    assert not TradingControl.objects.exists()
    fill(account, engine, chain)
    reorg_unseen(chain)
    assert watch_blocks(engine) is not None
    assert len(incidents()) == 2


def test_a_reorg_that_the_nonces_told_of_is_not_told_again(
    account: Account, engine: Engine, chain: SimulatedChain
) -> None:
    fill(account, engine, chain)
    chain.reorg(CONFIRMATIONS + 1, forget=None, past_finality=True)
    [finding] = watch_wallets(engine)
    assert finding.has_lost_final
    chain.advance()
    chain.mine(CONFIRMATIONS)
    assert resume(find_target("chain", "", engine), BOSS)

    assert watch_blocks(engine) is None
    assert len(incidents()) == 1
    assert not TradingControl.objects.exists()


def test_a_reorg_before_finality_is_no_incident(account: Account, engine: Engine, chain: SimulatedChain) -> None:
    fill(account, engine, chain)
    chain.reorg(CONFIRMATIONS - 1)
    chain.mine(CONFIRMATIONS)

    assert watch_blocks(engine) is None


def test_all_blocks_are_asked_for_in_one_request_and_an_idle_engine_asks_for_none(
    account: Account, engine: Engine, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    receipts = chain.receipts

    def counted(hashes: list[str]) -> Any:
        asked.append(hashes)
        return receipts(hashes)

    monkeypatch.setattr(chain, "receipts", counted)
    assert watch_blocks(engine) is None
    assert asked == []
    orders = [fill(account, engine, chain) for _ in range(2)]
    asked.clear()

    assert watch_blocks(engine) is None

    assert [sorted(hashes) for hashes in asked] == [sorted(str(order.tx_hash) for order in orders)]


@pytest.mark.parametrize(("fills", "count"), [((1, 2, 50), 3), ((1, 2), 2), ((3,), 3), ((50,), 3)])
def test_more_fills_are_read_only_while_all_of_them_are_new(
    account: Account,
    engine: Engine,
    chain: SimulatedChain,
    monkeypatch: pytest.MonkeyPatch,
    fills: tuple[int, ...],
    count: int,
) -> None:
    orders = [fill(account, engine, chain) for _ in range(3)]
    monkeypatch.setattr(blocks, "FILLS", fills)

    assert {row.tx_hash for row in blocks._last_blocks("simulated", None)} == {o.tx_hash for o in orders[-count:]}
    assert blocks._last_blocks("elsewhere", None) == []
    monkeypatch.setattr(blocks, "MAX_BLOCKS", 2)
    assert [row.tx_hash for row in blocks._last_blocks("simulated", None)] == [
        o.tx_hash for o in reversed(orders[-2:])
    ][: max(fills)]


def test_older_fills_are_looked_at_once_and_no_further(
    account: Account, engine: Engine, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(account, engine, chain)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()::text")
        reported_at = cursor.fetchone()[0]
    looked: list[int] = []
    among = blocks._among_newest
    monkeypatch.setattr(blocks, "FILLS", (1, 2, 50))

    def noted(most: int, *rest: Any) -> Any:
        looked.append(most)
        return among(most, *rest)

    monkeypatch.setattr(blocks, "_among_newest", noted)

    assert blocks._last_blocks("simulated", reported_at) == []
    assert looked == [1]


def test_a_chain_that_does_not_answer_or_lags_is_no_incident(
    account: Account, engine: Engine, chain: SimulatedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> Any:
        raise ChainUnavailable("away")

    fill(account, engine, chain)
    for answer in (away, lambda hashes: [None] * len(hashes)):
        monkeypatch.setattr(chain, "receipts", answer)
        assert watch_blocks(engine) is None
    assert incidents() == []
