"""Records of markets: in the statement of BUILDING, each after one that is surely there, and gone when they are old."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Max
from uuid_utils.compat import uuid7

from dex import Engine
from dex.recorded.market import RecordedMarket
from dex.trace import RoutingTrace
from orders.config import Policy
from orders.models import Account, MarketRecord, Order
from orders.pipeline.loop import run_stage
from orders.plan import MarketRef
from orders.snapshots import recorder as module
from orders.snapshots.reading import _EXPIRE, AT_ONCE, expire_snapshots, read_snapshot
from orders.snapshots.recorder import KEEP, Recorder, kept_beside, recorder_of
from orders.snapshots.records import Snapshot
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.plans import run_plan, steps

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]


def ref_of(order: Order) -> MarketRef:
    order.refresh_from_db()
    assert order.plan is not None
    assert order.plan.market is not None
    return order.plan.market


def market_of(order: Order) -> Snapshot:
    found = read_snapshot(ref_of(order))
    assert found is not None
    return found


def test_a_series_goes_on_with_what_changed_and_begins_again_when_it_is_long(
    account: Account, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_RECORDS", 3)
    orders = []
    for _ in range(5):
        orders += place(account, terms(amount=700 * 10**9))
        drive()

    refs = [ref_of(order) for order in orders]

    assert [ref.number for ref in refs] == [0, 1, 2, 0, 1]
    assert len({ref.series for ref in refs}) == 2
    sizes = list(MarketRecord.objects.order_by("series", "number").values_list("body", flat=True))
    assert [len(bytes(body)) > 10_000 for body in sizes] == [True, False, False, True, False]
    for order, ref in zip(orders, refs, strict=True):
        snapshot = market_of(order)
        market = RecordedMarket.read(snapshot.document)
        assert market.hash == ref.hash
        assert len(market.pools()) == 63
        assert snapshot.routing.request["amount"] == str(700 * 10**9)


def test_it_is_the_market_that_the_chain_had(account: Account, engine: Engine, drive: Drive) -> None:
    """Of each order, after the trades of those before it."""
    for _ in range(4):
        pools = {pool.pool_id: pool for pool in engine.chain.snapshot().pools}
        [order] = place(account, terms(amount=5_000 * 10**9))
        drive()
        assert RecordedMarket.read(market_of(order).document).pools() == pools


def test_in_a_batch_each_order_has_the_market_that_those_before_it_leave(
    account: Account, engine: Engine, drive: Drive
) -> None:
    orders = place(account, *(terms(amount=3_000 * 10**9, side=side) for side in ("exact_in", "exact_in")))
    drive()

    before, after = (RecordedMarket.read(market_of(order).document).pools() for order in orders)
    now = {pool.pool_id: pool for pool in engine.chain.snapshot().pools}

    assert {name for name in before if before[name] != after[name]}
    # The chain has executed the second one too.
    assert {name for name in after if after[name] != now[name]}


def test_a_record_that_may_not_be_stored_is_followed_by_a_series_of_its_own(
    account: Account, engine: Engine, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = place(account)
    drive()
    [lost] = place(account)
    with monkeypatch.context() as broken:
        broken.setattr("orders.pipeline.build.store", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
        run_stage(Stage.ROUTE, engine=engine, policy=Policy())
    assert MarketRecord.objects.count() == 1
    drive()

    assert ref_of(first).series != ref_of(lost).series
    assert market_of(lost).document["block"] >= market_of(first).document["block"]


def test_a_route_that_no_worker_goes_on_with_has_its_market_too(account: Account, engine: Engine) -> None:
    """Its BUILDING is written without a signature, out of time."""
    orders = place(account, terms(), terms())
    run_stage(Stage.ROUTE, engine=engine, policy=Policy(carry_s=0.0))

    assert [order.status for order in Order.objects.all()] == ["BUILDING", "BUILDING"]
    assert [len(market_of(order).document["swaps"]) for order in orders] == [0, 1]
    assert MarketRecord.objects.count() == 1


def test_no_order_fails_for_want_of_a_record(
    account: Account, drive: Drive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "write_record", lambda *_: 1 / 0)
    [order] = place(account)
    drive()

    order.refresh_from_db()
    assert (order.status, order.plan and order.plan.market) == ("CONFIRMED", None)
    assert "cannot be recorded" in caplog.text
    assert not MarketRecord.objects.exists()


def test_no_order_fails_for_a_record_that_is_too_large(
    account: Account, drive: Drive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1_000)
    [order] = place(account)
    drive()

    order.refresh_from_db()
    assert (order.status, order.plan and order.plan.market) == ("CONFIRMED", None)
    assert "at most 1,000 are stored" in caplog.text
    assert not MarketRecord.objects.exists()


def test_threads_and_children_have_series_of_their_own(
    account: Account, engine: Engine, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    drive()
    recorder, trace = recorder_of(engine), RoutingTrace()
    [order] = place(account)
    engine.route([_request(order)], trace=trace)
    first = recorder.record(trace, "simulated")
    second = recorder.record(trace, "simulated")
    assert first is not None
    assert second is not None

    assert (first.number, second.number, first.series == second.series) == (1, 0, False)
    first.committed()
    first.committed()  # of another half of its batch
    third = recorder.record(trace, "simulated")
    fourth = recorder.record(trace, "simulated")
    assert third is not None
    assert fourth is not None
    assert (third.series, third.number) == (first.series, 2)
    assert fourth.series not in {first.series, second.series}
    third.committed()
    monkeypatch.setattr("os.getpid", lambda: -1)
    forked = recorder.record(trace, "simulated")
    assert forked is not None
    assert forked.series not in {first.series, second.series, fourth.series}


def _request(order: Order) -> Any:
    from orders.terms import swap_request

    return swap_request(order.token_in, order.token_out, order.side, order.amount, order.terms)


def test_a_batch_without_a_route_has_no_record(account: Account, drive: Drive) -> None:
    place(account, terms(allow=["curve"]))
    drive()

    assert not MarketRecord.objects.exists()
    assert Recorder().record(RoutingTrace(), "simulated") is None


def test_what_is_not_as_it_was_recorded_is_not_given(
    account: Account, drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    [first] = place(account)
    drive()
    [second] = place(account)
    drive()
    rows = MarketRecord.objects.filter(series=UUID(ref_of(second).series))

    assert read_snapshot(replace_hash(ref_of(second))) is None
    assert "not" in caplog.text
    rows.filter(number=1).update(body=b"\0\1")
    assert read_snapshot(ref_of(second)) is None
    assert read_snapshot(ref_of(first)) is not None
    rows.filter(number=0).delete()
    rows.filter(number=1).update(body=b"{}")
    assert read_snapshot(ref_of(second)) is None


def replace_hash(ref: MarketRef) -> MarketRef:
    return ref._replace(hash="0" * 64)


# --- Old ones go ----------------------------------------------------------------------------------------------------


def old_series(days: float, records: int = 2) -> UUID:
    """A series that began so many days ago."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (extract(epoch FROM now() - %s * interval '1 day') * 1000)::bigint", [days])
        at_ms = cursor.fetchone()[0]
    series = UUID(int=(at_ms << 80) | (uuid7().int & ((1 << 80) - 1)))
    MarketRecord.objects.bulk_create(MarketRecord(series=series, number=i, body=b"{}") for i in range(records))
    return series


def test_series_go_as_a_whole_when_they_are_old_and_not_before() -> None:
    old = [old_series(30.1) for _ in range(2 * AT_ONCE + 3)]
    young = [old_series(days) for days in (30.0, 29.0, 1.0, 0.0)]

    assert expire_snapshots(30) == 2 * len(old)

    assert set(MarketRecord.objects.values_list("series", flat=True)) == set(young)
    assert expire_snapshots(30) == 0
    assert expire_snapshots(0) == 2 * 3  # what is of this hour may still be written


def test_old_ones_are_found_by_the_index(account: Account) -> None:
    for days in range(40):
        old_series(float(days), records=50)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_marketrecord")

    plan = run_plan(_EXPIRE.replace("%(days)s", "30").replace("%(series_s)s", "3600").replace("%(at_once)s", "20"))

    scans = [step["Node Type"] for step in steps(plan) if step.get("Relation Name") == "orders_marketrecord"]
    assert scans
    assert "Seq Scan" not in scans
    assert MarketRecord.objects.aggregate(Max("number"))["number__max"] == 49


def test_a_record_is_stored_once_however_often_it_is_named(account: Account, engine: Engine) -> None:
    [order] = place(account)
    trace = RoutingTrace()
    engine.route([_request(order)], trace=trace)
    kept = Recorder().record(trace, "simulated")
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(f"WITH {KEEP} SELECT 1", kept_beside([kept, None, kept]))

    assert MarketRecord.objects.count() == 1


def test_threads_record_side_by_side(account: Account, engine: Engine) -> None:
    [order] = place(account)
    trace, recorder, seen = RoutingTrace(), Recorder(), list[tuple[str, int]]()
    engine.route([_request(order)], trace=trace)

    def work() -> None:
        for _ in range(50):
            kept = recorder.record(trace, "simulated")
            assert kept is not None
            seen.append((kept.series, kept.number))
            kept.committed()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(seen)) == len(seen) == 200
