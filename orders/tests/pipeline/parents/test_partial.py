"""A limit order that may be filled in parts: what is filled within one pass, what waits, and what ends it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db.models.functions import Now

from dex import ChainUnavailable, Engine, Side
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.order_types import ORDER_TYPES, Progress, Step
from orders.pipeline.claim import claim_orders
from orders.pipeline.parents.stage import advance_parents
from orders.risk.pause import Target, pause, resume
from orders.services.cancel import CancelResult, cancel_orders
from orders.states import Stage
from orders.tests.factories import terms
from orders.tests.http_client import Api
from orders.tests.pipeline.parents.families import check_books, children_of, place_parent, work
from orders.tests.pipeline.parents.partials import (
    LARGE,
    check_limits,
    market_pass,
    market_price,
    near,
    partial,
)

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = Actor("its owner")


def offered(engine: Engine, limit: str, amount: int = LARGE, **changes: Any) -> int:
    """What the router gives of an amount at a limit now, in atoms of the fixed side."""
    from orders.terms import swap_request

    new = terms(amount=amount, **changes)
    request = swap_request("SOL", "USDC", new.side, amount, new.terms)
    [quote] = engine.route([replace(request, limit_price=Fraction(limit) / 1000, allow_partial=True)])
    return amount - quote.unfilled  # type: ignore[union-attr]


def test_one_pass_fills_what_the_market_gives_and_the_rest_waits(
    account: Account, engine: Engine, policy: Policy
) -> None:
    limit = near(engine, 20)
    parent = place_parent(account, partial(limit))
    assert (parent.waiting_for, parent.trigger_kind, parent.trigger_at_price) == ("price", "limit", Decimal(limit))
    expected = offered(engine, limit)
    work(engine, policy)
    assert children_of(parent) == []

    market_pass(engine, policy)

    parent.refresh_from_db()
    [child] = children_of(parent)
    assert (child.amount, child.outcome, child.order_type) == (expected, "filled", "limit")
    assert (child.terms.time_in_force, child.terms.type_terms) == ("fok", {"limit_price": limit})
    assert child.min_amount_out == -(-expected * Fraction(limit) / 1000 // 1)
    assert (parent.status, parent.waiting_for, parent.slices_done) == ("PENDING", "price", 1)
    assert (parent.allotted, parent.filled_amount_in) == (expected, expected)
    # To the marginal price of the limit, and no further.
    assert abs(market_price(engine) / Fraction(limit) - 1) < Fraction(1, 5_000)
    events = list(OrderEvent.objects.filter(order=parent).order_by("seq"))
    assert [bool(event.data.get("children")) for event in events] == [False, True, False]
    assert events[1].data["children"] == [{"order_id": str(child.id), "amount_raw": str(expected)}]
    assert events[2].data["wait"]["code"] == "limit_price"
    assert events[2].data["filled_amount_in_raw"] == str(expected)
    check_limits(parent)
    check_books()


def test_no_dust_follows_a_part_and_no_pass_looks_in_vain(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account, partial(near(engine, 20)))
    market_pass(engine, policy)
    parent.refresh_from_db()
    version = parent.seq

    for _ in range(5):
        market_pass(engine, policy)

    parent.refresh_from_db()
    assert (len(children_of(parent)), parent.seq) == (1, version)
    assert parent.trigger_at_price is not None
    assert parent.trigger_at_price > market_price(engine)


def test_a_price_that_pools_give_which_it_must_not_use_is_looked_at_ever_more_rarely(
    account: Account, engine: Engine, policy: Policy
) -> None:
    """Each pass finds the price reached, and the order's own pools are far below."""
    own = {"allow": ["uniswap_v2"]}
    place_parent(account, partial(near(engine, 100), time_in_force="ioc", **own))
    work(engine, policy)
    parent = place_parent(account, partial(near(engine, 50), **own))

    for _ in range(8):
        market_pass(engine, policy)

    parent.refresh_from_db()
    assert parent.trigger_at_price is None
    assert (parent.waiting_for, children_of(parent)) == ("price", [])
    assert parent.seq <= 4


@pytest.mark.parametrize("side", list(Side))
def test_it_is_filled_in_parts_as_the_market_comes_back(account: Account, policy: Policy, side: Side) -> None:
    """Arbitrageurs pull prices back to the reference behind each block."""
    engine = Engine(SimulatedChain(SimulatedOptions(noise_trades=4)))
    limit = near(engine, 20)
    once = offered(engine, limit, LARGE if side is Side.EXACT_IN else LARGE // 10, side=side)
    parent = place_parent(account, partial(limit, amount=once * 3 // 2, side=side))

    for _ in range(40):
        market_pass(engine, policy)
        engine.chain.mine(1)  # type: ignore[attr-defined]
        Order.objects.filter(pk=parent.pk, outcome=None, trigger_kind=None).update(due_at=Now())
        parent.refresh_from_db()
        if parent.outcome is not None:
            break

    children = children_of(parent)
    assert (parent.status, parent.outcome) == ("CONFIRMED", "filled")
    assert len([child for child in children if child.outcome == "filled"]) > 1
    assert sum(child.amount for child in children if child.outcome == "filled") == once * 3 // 2
    check_limits(parent)
    check_books()


def test_what_the_market_gives_whole_is_one_part(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account, partial(near(engine, 100), amount=10**9))

    market_pass(engine, policy)

    parent.refresh_from_db()
    assert (parent.status, parent.outcome, len(children_of(parent))) == ("CONFIRMED", "filled", 1)
    check_limits(parent)


@pytest.mark.parametrize(("bps", "outcome"), [(20, "partially_filled"), (-20, "expired")])
def test_ioc_fills_what_it_can_and_ends(
    account: Account, engine: Engine, policy: Policy, bps: int, outcome: str
) -> None:
    parent = place_parent(account, partial(near(engine, bps), time_in_force="ioc"))

    work(engine, policy)

    parent.refresh_from_db()
    assert parent.outcome == outcome
    last = OrderEvent.objects.filter(order=parent).latest("seq").data
    told = last["unfilled"] if outcome == "partially_filled" else last["failure"]
    assert told["code"] == "expired"
    assert len(children_of(parent)) == (1 if bps > 0 else 0)
    check_limits(parent)
    check_books()


def test_one_part_is_open_at_a_time(account: Account, engine: Engine, policy: Policy) -> None:
    """What it takes from the market is not counted again while it is on its way, whatever prices do."""
    parent = place_parent(account, partial(near(engine, 20)))
    market_pass(engine, policy, Stage.CHILDREN)
    parent.refresh_from_db()
    assert (parent.waiting_for, parent.trigger_kind, len(children_of(parent))) == ("children", None, 1)

    for _ in range(3):
        Order.objects.filter(pk=parent.pk).update(due_at=Now())
        market_pass(engine, policy, Stage.CHILDREN)

    assert len(children_of(parent)) == 1


def test_a_part_that_fails_by_price_gives_its_amount_back(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account, partial(near(engine, 20)))
    market_pass(engine, policy, Stage.CHILDREN)
    rival = place_parent(account, partial(near(engine, 30), time_in_force="ioc"))
    work(engine, policy, Stage.CHILDREN)
    [taken] = children_of(rival)
    Order.objects.filter(pk=taken.pk).update(due_at=parent.created_at)
    work(engine, policy)

    parent.refresh_from_db()
    [child] = children_of(parent)
    assert (child.outcome, taken.outcome) == ("not_filled", None)
    assert (parent.status, parent.allotted, parent.filled_amount_in, parent.waiting_for) == ("PENDING", 0, 0, "price")
    check_limits(parent)
    check_books()


def test_parts_that_fail_in_a_row_come_ever_more_rarely() -> None:
    """1 s, 2 s, 4 s ... after the last one; what the next one would meet too ends the order."""
    limit, at = ORDER_TYPES["limit"], datetime.now(UTC)
    order = partial("100")
    for failures in range(1, 15):
        progress = Progress(at, at, b"", 9, 6, failures, 0, None, False, failures, at, "not_filled")
        step = limit.step(order, progress)
        assert limit.asks(order, progress) is None
        assert step.children == ()
        until = step.wait.until  # type: ignore[union-attr]
        assert (until - at).total_seconds() == min(2 ** (failures - 1), 600)
        assert limit.asks(order, replace(progress, at=until)) is not None
        ended = limit.step(order, replace(progress, last_outcome="insufficient_funds"))
        assert ended == Step((), failures, None, "insufficient_funds")


def test_a_part_that_fails_for_good_ends_the_order(account: Account, engine: Engine, policy: Policy) -> None:
    parent = place_parent(account, partial(near(engine, 20)))
    market_pass(engine, policy, Stage.CHILDREN)
    [child] = children_of(parent)
    problem = {"code": "insufficient_funds", "detail": "the wallet holds too little"}
    Order.objects.filter(pk=child.pk).update(status="FAILED", outcome="insufficient_funds", failure=problem, seq=2)
    Order.objects.filter(pk=parent.pk).update(due_at=Now())

    work(engine, policy, Stage.CHILDREN)

    parent.refresh_from_db()
    assert (parent.status, parent.outcome) == ("FAILED", "insufficient_funds")
    assert "the wallet holds too little" in (parent.failure or {})["detail"]


def test_guards_fall_to_parts_by_their_share(account: Account, engine: Engine, policy: Policy) -> None:
    """Rounded in the owner's favour; what is left of the limit on fees is for the next part."""
    limit = near(engine, 20)
    parent = place_parent(account, partial(limit, min_amount_out=LARGE // 10, max_network_fee=10**7))
    market_pass(engine, policy)
    [first] = children_of(parent)

    assert first.terms.min_amount_out == -(-(LARGE // 10) * first.amount // LARGE)
    assert first.terms.max_network_fee == 10**7
    asked = claim_and_ask(parent, engine, policy)
    assert asked == 10**7 - (first.network_fee_paid or 0) < 10**7
    bought = place_parent(account, partial(limit, amount=10**12, side=Side.EXACT_OUT, max_amount_in=LARGE + 7))
    market_pass(engine, policy, Stage.CHILDREN)
    for child in children_of(bought):
        assert child.terms.max_amount_in == (LARGE + 7) * child.amount // 10**12


def test_where_its_limit_on_fees_leaves_too_little_no_part_is_placed(
    account: Account, engine: Engine, policy: Policy
) -> None:
    """With one event, and a look each minute at last."""
    parent = place_parent(account, partial(near(engine, 20), max_network_fee=1))
    for waited_s in (0, 1, 3, 200):
        Order.objects.filter(pk=parent.pk, waiting_for="fees").update(
            due_at=Now(), waiting_since=Now() - timedelta(seconds=waited_s)
        )
        market_pass(engine, policy, Stage.CHILDREN)
        parent.refresh_from_db()
        assert (parent.waiting_for, parent.seq, children_of(parent)) == ("fees", 2, [])
        pause_s = (parent.due_at - datetime.now(UTC)).total_seconds()
        assert abs(pause_s - min(max(waited_s, 1), 60)) < 5


def claim_and_ask(parent: Order, engine: Engine, policy: Policy) -> int | None:
    """What is left for network fees, as the parent would ask the market with it."""
    from orders.pipeline.parents.asking import what_it_asks
    from orders.pipeline.parents.family import read_families

    Order.objects.filter(pk=parent.pk).update(due_at=Now())
    [order] = claim_orders(Stage.CHILDREN, 10, 60, chain_id="simulated").orders
    asked = what_it_asks(order, read_families([parent.id])[parent.id])
    advance_parents([order], engine=engine, policy=policy)
    assert asked is not None
    return asked.terms.max_network_fee


@pytest.mark.parametrize("change", ["cancel", "limit"])
def test_what_changes_while_the_market_is_asked_wins(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The quote is taken before the lock: a cancel or another limit that comes meanwhile has the last word."""
    parent = place_parent(account, partial(near(engine, 20)))
    Order.objects.filter(pk=parent.pk).update(due_at=Now())
    api, real = Api(account), engine.route

    def route_and_change(*args: Any, **options: Any) -> Any:
        answer = real(*args, **options)
        monkeypatch.setattr(engine, "route", real)
        if change == "cancel":
            cancel_orders([parent.id], actor=OWNER)
        else:
            terms = {**parent.terms.type_terms, "limit_price": "9999"}
            Order.objects.filter(pk=parent.pk).update(terms=replace(parent.terms, type_terms=terms), seq=2)
        return answer

    monkeypatch.setattr(engine, "route", route_and_change)
    work(engine, policy, Stage.CHILDREN)

    assert children_of(parent) == []
    assert api.get(f"orders/{parent.id}").status_code == 200


def test_a_child_that_ends_while_the_market_is_asked_makes_it_ask_again(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sums that the question was asked for are compared behind the lock."""
    parent = place_parent(account, partial(near(engine, 20)))
    market_pass(engine, policy)
    [first] = children_of(parent)
    Order.objects.filter(pk=parent.pk).update(due_at=Now())
    real = engine.route
    asked = []

    def route_and_end(requests: Any, **options: Any) -> Any:
        asked.append(requests[0].amount)
        if len(asked) == 1:
            Order.objects.filter(pk=first.pk).update(amount=first.amount - 10**9)
        return real(requests, **options)

    monkeypatch.setattr(engine, "route", route_and_end)
    work(engine, policy, Stage.CHILDREN, Stage.CHILDREN)

    assert asked == [LARGE - first.amount, LARGE - first.amount + 10**9]


def test_a_chain_that_is_away_makes_it_wait_with_one_event(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = place_parent(account, partial(near(engine, 20)))
    Order.objects.filter(pk=parent.pk).update(due_at=Now())

    def away(_: Any) -> Any:
        raise ChainUnavailable("no node answers")

    with monkeypatch.context() as patched:
        patched.setattr(type(engine.chain), "snapshot", away)
        for _ in range(3):
            work(engine, policy, Stage.CHILDREN)
            Order.objects.filter(pk=parent.pk).update(due_at=Now())
        parent.refresh_from_db()
        assert (parent.waiting_for, parent.seq) == ("chain", 2)
    work(engine, policy)

    assert [child.outcome for child in children_of(parent)] == ["filled"]
    check_limits(parent)


def test_ioc_waits_for_a_chain_only_as_long_as_other_orders(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = place_parent(account, partial(near(engine, 20), time_in_force="ioc"))

    def away(_: Any) -> Any:
        raise ChainUnavailable("no node answers")

    monkeypatch.setattr(type(engine.chain), "snapshot", away)
    work(engine, policy, Stage.CHILDREN)
    parent.refresh_from_db()
    assert (parent.status, parent.waiting_for) == ("PENDING", "chain")
    Order.objects.filter(pk=parent.pk).update(due_at=Now(), waiting_since=Now() - timedelta(seconds=policy.patience_s))
    work(engine, policy, Stage.CHILDREN)

    parent.refresh_from_db()
    assert (parent.status, parent.outcome, children_of(parent)) == ("FAILED", "network", [])


def test_it_expires_and_is_cancelled_with_what_is_filled(account: Account, engine: Engine, policy: Policy) -> None:
    ends_at = datetime.now(UTC) + timedelta(minutes=10)
    expires = place_parent(account, partial(near(engine, 20), expires_at=ends_at))
    market_pass(engine, policy)
    cancelled = place_parent(account, partial(near(engine, 25)))
    market_pass(engine, policy)
    past = datetime.now(UTC) - timedelta(seconds=1)
    Order.objects.filter(pk=expires.pk).update(expires_at=past, due_at=past)
    assert cancel_orders([cancelled.id], actor=OWNER) == {cancelled.id: CancelResult.CANCELLED}
    work(engine, policy)

    for parent in (expires, cancelled):
        check_limits(parent)
        assert (parent.status, parent.outcome) == ("CONFIRMED", "partially_filled")
    check_books()


def test_a_pause_holds_it(account: Account, engine: Engine, policy: Policy) -> None:
    operator = Actor("t", reason="because", is_admin=True)
    parent = place_parent(account, partial(near(engine, 20)))
    target = Target("account", account.name, account_id=account.pk)
    pause(target, operator)
    market_pass(engine, policy)
    assert children_of(parent) == []
    resume(target, operator)
    market_pass(engine, policy)

    assert [child.outcome for child in children_of(parent)] == ["filled"]


def patched(account: Account, parent: Order) -> Any:
    """The answer to another limit for a parent as it was read last."""
    return Api(account).client.patch(
        f"/api/v1/orders/{parent.id}",
        {"limit_price": "200"},
        content_type="application/json",
        headers={"If-Match": f'"{parent.seq}"'},
    )


def test_its_limit_is_not_replaced_while_a_part_is_executed(account: Account, engine: Engine, policy: Policy) -> None:
    """What is being executed is so by the terms of before."""
    parent = place_parent(account, partial(near(engine, 20)))
    market_pass(engine, policy, Stage.CHILDREN)
    parent.refresh_from_db()
    replaced = patched(account, parent)
    assert (replaced.status_code, replaced.json()["code"]) == (409, "order_not_waiting")
    work(engine, policy)
    parent.refresh_from_db()

    replaced = patched(account, parent)

    assert replaced.status_code == 200, replaced.content
    parent.refresh_from_db()
    assert parent.due_at <= datetime.now(UTC)
    work(engine, policy, Stage.CHILDREN)
    parent.refresh_from_db()
    assert parent.waiting_for == "price"
    assert parent.trigger_at_price is not None
    assert 200 <= parent.trigger_at_price < Decimal("200.01")


def test_it_works_from_the_api_on_and_shows_its_progress(account: Account, engine: Engine, policy: Policy) -> None:
    api = Api(account)
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "1000000", "type": "limit", "allow_partial": True}
    body["limit_price"] = near(engine, 20)
    shown = api.post("orders", body | {"guards": {"max_price_impact_bps": None}}).json()
    assert (shown["status"], shown["waiting_for"], shown["allow_partial"]) == ("PENDING", "price", True)
    assert (shown["slices_done"], shown["slices_total"], shown["filled_amount_in_raw"]) == (0, None, "0")

    market_pass(engine, policy)

    filled = api.get(f"orders/{shown['id']}").json()
    [child] = api.get(f"orders?parent={shown['id']}").json()["results"]
    assert (filled["waiting_for"], filled["slices_done"]) == ("price", 1)
    assert (filled["filled_amount_in"], child["outcome"]) == (child["amount_in"], "filled")
    assert (child["type"], child["allow_partial"], child["parent_id"]) == ("limit", False, shown["id"])
    linked = {"orders": [body, body | {"allow_partial": False}], "link": "one_cancels_other"}
    refused = api.post("orders/batch", linked).json()["facts"]["results"]
    assert [item.get("error", {}).get("code") for item in refused] == ["invalid", None]
    check_books()


def test_within_its_guards_it_is_filled_in_parts(account: Account, engine: Engine, policy: Policy) -> None:
    """All that the limit allows would move the price by more than the guard, which is on each part."""
    parent = place_parent(account, partial(near(engine, 100), max_price_impact_ppm=1_000))

    for _ in range(3):
        market_pass(engine, policy)

    children = children_of(parent)
    assert {child.outcome for child in children} == {"filled"}
    assert len(children) > 1
    check_limits(parent)
    check_books()
