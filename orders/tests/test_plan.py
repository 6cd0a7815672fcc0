"""The stored plan: exact both ways, and rows from before it are read, built, executed and shown as ever."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from dex import Engine, Hop, NetworkFee, Quote, Route, Side, VenueQuote, legs_of
from orders.audit.record import Actor
from orders.models import Account, Fill, Order
from orders.pipeline.claim import claim_orders
from orders.plan import SwapPlan, UnreadablePlan, hops_from_json
from orders.presentation.orders import order_json
from orders.presentation.routes import ROUTE
from orders.risk.pause import find_target, pause
from orders.states import Stage
from orders.tests.factories import place, terms

Drive = Callable[..., None]

# As the last version before plans stored them: an exact_in order of one swap, an exact_out order of eight.
OLD_ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors" / "routes_before_plans.json").read_text()
)

atoms = st.integers(0, 10**78)
names = st.text(min_size=1, max_size=8)
hops = st.builds(Hop, names, names, st.just("A"), st.just("B"), atoms, atoms)
fees = st.none() | st.builds(NetworkFee, st.sampled_from(("A", "B")), atoms, st.none() | atoms)
free_plans = st.builds(
    SwapPlan,
    side=st.sampled_from(Side),
    route=st.builds(Route, st.just("A"), st.just("B"), st.lists(hops, min_size=1, max_size=4).map(tuple)),
    decimals=st.fixed_dictionaries({"A": st.integers(0, 36), "B": st.integers(0, 36)}),
    bound=st.none() | atoms,
    gap_bps=st.none() | st.floats(0, 1e6),
    mid_amount_out=atoms,
    price_impact_ppm=st.integers(0, 10**6),
    venue_quotes=st.lists(
        st.builds(VenueQuote, names, atoms, atoms, st.none(), st.none())
        | st.builds(VenueQuote, names, st.none(), st.none(), names, st.none()),
        max_size=3,
    ).map(tuple),
    snapshot_version=st.integers(0, 2**62),
)


@st.composite
def with_fees(draw: st.DrawFn) -> SwapPlan:
    """A plan of a chain that charges, or of one that does not; venues may not know what their own routes cost."""
    plan, fee = draw(free_plans), draw(fees)
    if fee is None:
        return plan
    quotes = tuple(
        alone._replace(fee_value=None if alone.code else draw(st.none() | atoms)) for alone in plan.venue_quotes
    )
    return replace(plan, network_fee=fee, venue_quotes=quotes)


plans = with_fees()


@given(plans)
def test_a_plan_survives_json(plan: SwapPlan) -> None:
    assert SwapPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@given(plans)
def test_an_amount_is_net_of_what_the_network_charges(plan: SwapPlan) -> None:
    quote = Quote(
        plan.side, plan.route, plan.route.amount_in, plan.route.amount_out, 0, 0, plan.mid_amount_out, 0, None, None,
        plan.venue_quotes, 0, plan.network_fee,
    )  # fmt: skip

    assert plan.net_amount == quote.net_amount
    assert SwapPlan.of(quote, plan.decimals).net_amount == quote.net_amount


@given(plans)
def test_the_best_venue_leaves_most_after_fees_and_what_is_saved_has_the_sign_of_the_comparison(plan: SwapPlan) -> None:
    able = [alone for alone in plan.venue_quotes if alone.amount_in and alone.amount_out]
    nets = [plan.venue_net(alone) for alone in able]
    known = [net for net in nets if net is not None]
    if not able:
        assert plan.best_venue is None
        assert plan.saved_bps is None
    elif plan.net_amount is not None and len(known) == len(nets):
        sign = 1 if plan.side is Side.EXACT_IN else -1
        best = max(known, key=lambda net: sign * net)
        assert plan.best_venue is not None
        assert plan.venue_net(plan.best_venue) == best
        if plan.saved_bps is not None and abs(plan.net_amount - best) * 10**12 > best:
            assert (plan.saved_bps > 0) is (sign * plan.net_amount > sign * best)
        elif plan.saved_bps is None:
            assert min(plan.net_amount, best) <= 0


def test_a_program_that_knows_no_fees_reads_the_same_route() -> None:
    plan = SwapPlan.from_json(OLD_ROWS[0])
    charged = replace(plan, network_fee=NetworkFee("SOL", 10_000, 1_500))

    added = charged.to_json().keys() - plan.to_json().keys()

    assert added == {"fee", "venue_fees"}
    assert {name: value for name, value in charged.to_json().items() if name not in added} == plan.to_json()


def test_a_plan_of_a_later_version_is_refused() -> None:
    plan = SwapPlan.from_json(OLD_ROWS[0])

    with pytest.raises(UnreadablePlan, match="version 3"):
        SwapPlan.from_json(plan.to_json() | {"v": 3})


@pytest.mark.parametrize("old", OLD_ROWS)
def test_rows_from_before_plans_are_shown_as_they_were_stored(old: dict[str, Any]) -> None:
    plan = SwapPlan.from_json(old)

    for shown in (ROUTE.render(plan), ROUTE.render(SwapPlan.from_json(plan.to_json()))):
        assert json.dumps(_without_fees(shown)) == json.dumps(_with_shares_as_text(old))


def _with_shares_as_text(route: dict[str, Any]) -> dict[str, Any]:
    """Shares were numbers once."""
    legs = [{**leg, "share": f"{leg['share']:.6f}".rstrip("0").rstrip(".")} for leg in route["legs"]]
    return {**route, "legs": legs}


def _without_fees(route: dict[str, Any]) -> dict[str, Any]:
    """As a program that knew none would show it: a net amount was the amount itself."""
    net = "net_amount_out" if "upper_bound" in route else "net_amount_in"
    total = sum(int(leg["hops"][-1]["amount_out_raw"]) for leg in route["legs"])
    if net == "net_amount_in":
        total = sum(int(leg["hops"][0]["amount_in_raw"]) for leg in route["legs"])
    assert int(route[f"{net}_raw"]) == total
    assert route["network_fee"] is None
    assert route["swap_count"] == len(route["swaps"])
    new = {"swap_count", "network_fee", net, f"{net}_raw"}
    quotes = []
    for quote in route["venue_quotes"]:
        assert quote[net] == quote[net.removeprefix("net_")] or quote["code"]
        quotes.append({name: value for name, value in quote.items() if name not in new})
    return {name: value for name, value in route.items() if name not in new} | {"venue_quotes": quotes}


@pytest.mark.parametrize("old", OLD_ROWS)
def test_rows_of_earlier_forms_are_read(old: dict[str, Any]) -> None:
    plan = SwapPlan.from_json(old)
    numbers = {name: value for name, value in old.items() if name != "gap_bps"}
    numbers |= {"gap_bp": float(old["gap_bps"]), "saved_bps": float(old["saved_bps"])}
    proof = ("gap_bps", "upper_bound", "upper_bound_raw", "best_single_venue", "saved_bps")
    legs_only = {name: value for name, value in OLD_ROWS[0].items() if name not in {"swaps", "token_in", *proof}}

    assert SwapPlan.from_json(numbers) == plan
    oldest = SwapPlan.from_json(legs_only)
    assert (oldest.route, oldest.bound) == (SwapPlan.from_json(OLD_ROWS[0]).route, None)


def as_before(order: Order) -> dict[str, Any]:
    """Store the order's plan as the version before did, and give back what that version would have shown."""
    order.refresh_from_db()
    assert order.plan is not None
    free = tuple(alone._replace(fee_value=None) for alone in order.plan.venue_quotes)
    old = ROUTE.render(replace(order.plan, network_fee=None, venue_quotes=free))  # it knew no fees
    Order.objects.filter(pk=order.pk).update(route=old)
    order.refresh_from_db()
    assert order.route == old
    return old


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", ["exact_in", "exact_out"])
def test_orders_in_flight_during_an_update_are_executed(account: Account, drive: Drive, side: str) -> None:
    new, old = place(account, *[terms(amount=5_000 * 10**6, side=side) for _ in range(2)])
    drive(Stage.ROUTE)
    before = as_before(old)
    shown = order_json(old)["route"]
    drive()

    for order in (new, old):
        order.refresh_from_db()
        assert (order.status, order.attempt) == ("CONFIRMED", 1)
    assert shown == before == order_json(old)["route"]


@pytest.mark.django_db(transaction=True)
def test_plans_of_a_later_version_are_left_to_it(account: Account, drive: Drive) -> None:
    later, ours = place(account, terms(), terms())
    drive(Stage.ROUTE)
    Order.objects.filter(pk=later.pk).update(route={"v": 3, "path": "AAEC"})

    assert [order.id for order in claim_orders(Stage.BUILD, 10, 60, chain_id="simulated").orders] == [ours.id]


@pytest.mark.django_db(transaction=True)
def test_fills_hold_the_executed_swaps(account: Account, drive: Drive) -> None:
    [order] = place(account, terms(amount=5_000 * 10**9))
    drive()

    order.refresh_from_db()
    assert order.plan is not None
    fills = [hops_from_json(hops) for hops in Fill.objects.filter(order=order).values_list("hops", flat=True)]
    assert fills == [leg.hops for leg in legs_of(order.plan.route)]
    assert hops_from_json(OLD_ROWS[1]["swaps"]) == SwapPlan.from_json(OLD_ROWS[1]).route.hops


@pytest.mark.django_db(transaction=True)
def test_a_pause_finds_the_venues_of_old_rows(account: Account, engine: Engine, drive: Drive) -> None:
    [order] = place(account, terms(allow=["orca"]))
    drive(Stage.ROUTE)
    as_before(order)

    pause(find_target("venue", "orca", engine), Actor("operator", reason="odd prices"))
    drive(Stage.BUILD)

    order.refresh_from_db()
    assert (order.status, order.route) == ("ROUTING", None)


@pytest.mark.django_db(transaction=True)
def test_the_admin_finds_and_shows_rows_of_both_forms(admin_client: Client, account: Account, drive: Drive) -> None:
    new, old, elsewhere = place(account, terms(allow=["orca"]), terms(allow=["orca"]), terms(allow=["raydium"]))
    drive()
    as_before(old)

    found = admin_client.get("/admin/orders/order/?venue=orca").content.decode()

    assert [str(order.id)[-12:] in found for order in (new, old, elsewhere)] == [True, True, False]
    pages = [admin_client.get(f"/admin/orders/order/{order.id}/change/").content.decode() for order in (new, old)]
    for page in pages:
        assert "no route pays more than" in page
        assert "Route from SOL to USDC" in page
