"""A parent and its children leave together, for the file of the parent's month, or all of them stay."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import F

from dex import Engine
from orders.archive import move
from orders.archive.months import after, first_of, month_of
from orders.archive.verify import contradictions
from orders.config import Policy
from orders.models import Account, ArchivedOrder, ArchiveFile, Order
from orders.reconciliation.orders import audit_orders
from orders.services.cancel import Actor, cancel_orders
from orders.states import Stage
from orders.tests.archive.past import assert_nothing_lost, filed, live, run
from orders.tests.pipeline.parents.families import children_of, minutes_pass, place_parent, twap, work
from orders.tests.rivals import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

NEXT_MONTH = after(first_of(datetime.now(UTC).date()))


def filled_parent(account: Account, engine: Engine, policy: Policy, slices: int = 3) -> Order:
    """One whose slices have all been filled."""
    parent = place_parent(account, twap(slices, allow=["uniswap_v2"]))
    for _ in range(slices):
        work(engine, policy)
        minutes_pass(1)
    work(engine, policy)
    parent.refresh_from_db()
    assert parent.outcome == "filled"
    return parent


def test_a_family_leaves_in_one_transaction(
    account: Account, engine: Engine, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few orders a step takes; another family, of which one is open, stays."""
    monkeypatch.setattr(move, "AT_ONCE", 1)
    gone = [filled_parent(account, engine, policy) for _ in range(2)]
    families = [{parent.id, *(child.id for child in children_of(parent))} for parent in gone]
    stays = place_parent(account, twap(2))
    work(engine, policy, Stage.CHILDREN)
    cancel_orders([children_of(stays)[0].id], actor=Actor("its owner"))
    before = live()

    assert run(tmp_path, NEXT_MONTH) == 8

    assert_nothing_lost(before, tmp_path)
    assert filed(tmp_path).keys() == families[0] | families[1]
    assert set(Order.objects.values_list("parent_id", "id")) == {
        (None, stays.id),
        *((stays.id, child.id) for child in children_of(stays)),
    }
    assert [file.month for file in ArchiveFile.objects.all()] == [month_of(gone[0].id)]
    assert list(contradictions(tmp_path)) == []
    assert list(audit_orders()) == []


def test_a_family_of_which_one_has_changed_since_it_was_sealed_stays_whole(
    account: Account, engine: Engine, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = filled_parent(account, engine, policy)
    other = filled_parent(account, engine, policy, slices=2)
    child = children_of(parent)[1]
    real = move.empty

    def changed_meanwhile(*args: object) -> int:
        in_thread(lambda: Order.objects.filter(pk=child.id).update(claim_count=F("claim_count") + 1))
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("orders.archive.run.empty", changed_meanwhile)
    assert run(tmp_path, NEXT_MONTH) == 3
    assert set(ArchivedOrder.objects.values_list("order_id", flat=True)).isdisjoint({parent.id, child.id})
    assert not Order.objects.filter(pk=other.id).exists()
    assert len(children_of(parent)) == 3
    monkeypatch.undo()

    assert run(tmp_path, NEXT_MONTH) == 4
    assert not Order.objects.exists()
    assert list(contradictions(tmp_path)) == []


def test_a_parent_waits_for_a_child_that_ended_too_late(
    account: Account, engine: Engine, policy: Policy, tmp_path: Path
) -> None:
    parent = filled_parent(account, engine, policy)
    late = datetime.combine(NEXT_MONTH, datetime.min.time(), UTC) + timedelta(days=1)
    Order.objects.filter(pk=children_of(parent)[2].id).update(updated_at=late)

    assert run(tmp_path, NEXT_MONTH) == 0
    assert len(children_of(parent)) == 3
