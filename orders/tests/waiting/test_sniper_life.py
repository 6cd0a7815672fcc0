"""What an owner does with a sniper over the API, and what becomes of one on the simulated chain."""

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dex import POOL_KINDS, VENUES, Engine
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.models import PoolState
from orders.config import Policy
from orders.models import Account, Order, OrderEvent, SeenPool
from orders.pipeline.life.links import settle_links
from orders.pipeline.loop import run_stage
from orders.states import Stage
from orders.tests.factories import new_account
from orders.tests.http_client import Api
from orders.tests.waiting.pools import triggered
from orders.waiting.trigger_pass import trigger_orders

pytestmark = pytest.mark.django_db(transaction=True)

# No pool of the genesis trades this pair by itself.
PAIR = {"token_in": "BONK", "token_out": "JUP", "amount": "5000000"}
SNIPER = {**PAIR, "type": "sniper", "min_liquidity": "1000000", "max_age_s": 60, "guards": {"min_amount_out": "150"}}
BACK = {"token_in": "JUP", "token_out": "BONK", "amount": "150", "type": "stop", "trigger_price": "0.000001"}


@pytest.fixture
def open_pool(chain: SimulatedChain, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`manage.py simchain open-pool`, and what it prints."""
    monkeypatch.setattr("orders.management.commands.simchain.get_engine", lambda: engine)

    def run(*words: str) -> str:
        out = StringIO()
        call_command("simchain", "open-pool", *words, stdout=out)
        return out.getvalue().strip()

    return run


@pytest.fixture
def look(engine: Engine, policy: Policy) -> Callable[[], bool]:
    """One trigger pass."""
    return lambda: trigger_orders(engine, policy, at_least_s=0.0)


def placed(api: Api, **changes: Any) -> Order:
    answer = api.post("orders", SNIPER | changes)
    assert answer.status_code == 201, answer.content
    return Order.objects.get(pk=answer.json()["id"])


def patched(api: Api, order: Order, body: Any) -> Any:
    headers = {"If-Match": f'"{Order.objects.get(pk=order.pk).seq}"'}
    return api.client.patch(f"/api/v1/orders/{order.id}", body, "application/json", headers=headers)


def test_a_pool_that_is_opened_fires_it_and_it_is_filled(
    account: Account,
    chain: SimulatedChain,
    open_pool: Callable[..., str],
    look: Callable[[], bool],
    drive: Callable[..., None],
) -> None:
    api = Api(account)
    supply = chain.store.total_supply()
    [there, back] = [placed(api), placed(api, token_in="JUP", token_out="BONK", amount="150", min_liquidity="1000")]
    assert api.get(f"orders/{there.id}").json()["waiting_for"] == "pool"
    for _ in range(2):
        look()  # the pools of the genesis are not new, however young the chain is
    assert OrderEvent.objects.filter(data__has_key="triggered").count() == 0

    assert open_pool("BONK/JUP", "--usd", "2000000") == "raydium-bonk-jup"
    look()
    look()
    drive()

    for order in (there, back):
        order.refresh_from_db()
        assert (order.outcome, order.attempt) == ("filled", 1)
        [seen] = triggered(order)
        assert (seen["pool"], seen["venue"], seen["liquidity_token"]) == (
            "raydium-bonk-jup",
            "raydium",
            order.token_in,
        )
        assert 0 <= seen["age_s"] <= 30
    assert chain.store.total_supply() == supply


def test_of_the_genesis_no_pool_is_dated_and_of_later_ones_each(
    account: Account, chain: SimulatedChain, open_pool: Callable[..., str], look: Callable[[], bool]
) -> None:
    placed(Api(account))
    open_pool("BONK/JUP", "--usd", "2000")

    look()

    dated = SeenPool.objects.exclude(born_at=None)
    assert [(row.pool_id, row.absent_at) for row in dated] == [("raydium-bonk-jup", None)]
    assert SeenPool.objects.count() == len(chain.snapshot().pools)


@pytest.mark.blocks_by_test
def test_a_reorg_takes_a_pool_back_with_all_that_it_holds(chain: SimulatedChain, open_pool: Callable[..., str]) -> None:
    supply, before = chain.store.total_supply(), chain.snapshot().pools
    open_pool("BONK/JUP", "--usd", "2000000")
    assert [pool.pool_id for pool in chain.snapshot().pools[len(before) :]] == ["raydium-bonk-jup"]
    assert chain.store.total_supply() == supply

    chain.reorg(1)

    assert chain.snapshot().pools == before
    assert chain.store.total_supply() == supply
    open_pool("BONK/JUP", "--usd", "1000000")
    assert PoolState.objects.filter(born_at__isnull=False).count() == 1


def test_each_venue_opens_its_kind_of_pool(chain: SimulatedChain, open_pool: Callable[..., str]) -> None:
    """Where the simulated chain can make that."""
    supply, names = chain.store.total_supply(), set()
    for venue in VENUES.values():
        if POOL_KINDS[venue.pool_kind].new_state is not None:
            names.add(open_pool("BONK/JUP", "--venue", venue.name, "--usd", "50000", "--fee-bps", "30"))

    opened = {pool.pool_id: pool for pool in chain.snapshot().pools if pool.pool_id in names}
    assert opened.keys() == names
    assert len(names) > 8
    assert all(min(pool.balances().values()) > 0 for pool in opened.values())
    assert chain.store.total_supply() == supply


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("BONK",), "two tokens or more"),
        (("BONK/BONK",), "two tokens or more"),
        (("BONK/GOLD",), "no token GOLD"),
        (("BONK/JUP", "--venue", "bourse"), "no venue bourse"),
        (("BONK/JUP", "--venue", "wrapping"), "no pools of the kind bins"),
        (("BONK/JUP", "--name", "x" * 65), "1 to 64 characters"),
        (("BONK/JUP", "--name", "raydium-sol-usdc"), "raydium-sol-usdc already"),
        (("BONK/JUP", "--usd", "0.0000001"), "raydium cannot open it"),
        (("BONK/JUP", "--usd", "1" + "0" * 16), "the faucet has too little"),
        (("BONK/JUP", "--fee-bps", "10000"), "less than the whole"),
    ],
)
def test_what_cannot_be_opened_is_told_and_changes_nothing(
    chain: SimulatedChain, open_pool: Callable[..., str], words: tuple[str, ...], told: str
) -> None:
    before, supply = chain.snapshot().pools, chain.store.total_supply()

    with pytest.raises(CommandError, match=told):
        open_pool(*words)

    assert chain.snapshot().pools == before
    assert chain.store.total_supply() == supply


def test_the_command_line_places_one(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page on order types shows it."""
    api, sent = Api(account), []

    def call(_: Any, method: str, path: str, body: Any = None) -> Any:
        sent.append((method, path, body))
        return api.post(path, body).json()

    monkeypatch.setattr("orders.cli.client.EngineClient.call", call)
    out = StringIO()
    own = ["--type", "sniper", "--min-liquidity", "1000000", "--max-age-s", "60", "--min-amount-out", "150"]

    call_command("orders", "place", "BONK", "JUP", "5000000", *own, stdout=out)

    assert sent == [("POST", "orders", {**SNIPER, "side": "exact_in"})]
    assert "waits for pool" in out.getvalue()
    assert Order.objects.get().trigger_kind == "pool"


def test_its_terms_can_be_replaced_as_long_as_it_waits(
    account: Account, open_pool: Callable[..., str], look: Callable[[], bool]
) -> None:
    api = Api(account)
    order = placed(api, min_liquidity="999999999999")
    open_pool("BONK/JUP", "--usd", "2000000")
    look()
    assert triggered(order) == []

    refused = patched(api, order, {"guards": {"min_amount_out": None}})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "guard_required")
    assert patched(api, order, {"max_age_s": 0}).status_code == 400
    given = patched(api, order, {"min_liquidity": "7000", "liquidity_token": "token_out", "max_age_s": 90})

    assert given.status_code == 200, given.content
    replaced = OrderEvent.objects.get(order=order, seq=2).data["replaced"]
    assert replaced == {
        "min_liquidity": ["999999999999", "7000"],
        "max_age_s": [60, 90],
        "liquidity_token": ["token_in", "token_out"],
    }
    order.refresh_from_db()
    assert (order.trigger_kind, order.trigger_at_price, order.waiting_for) == ("pool_out", Decimal(7000), "pool")
    look()
    [seen] = triggered(order)
    assert (seen["kind"], seen["liquidity_token"]) == ("pool_out", "JUP")
    late = patched(api, order, {"max_age_s": 600})
    assert (late.status_code, late.json()["code"]) == (409, "order_not_waiting")


def test_it_can_be_cancelled_and_then_fires_no_more(
    account: Account, open_pool: Callable[..., str], look: Callable[[], bool]
) -> None:
    api = Api(account)
    order = placed(api)

    assert api.delete(f"orders/{order.id}").json()["outcome"] == "cancelled"
    open_pool("BONK/JUP", "--usd", "2000000")

    assert look() is False
    assert triggered(order) == []


def test_linked_the_pool_decides_and_its_fill_places_the_exits(
    account: Account, open_pool: Callable[..., str], look: Callable[[], bool], engine: Engine, policy: Policy
) -> None:
    api = Api(account)
    exits: list[dict[str, Any]] = [BACK, BACK | {"type": "limit", "limit_price": "99999999", "trigger_price": None}]
    entry, *later = linked(api, "bracket", SNIPER, *exits)
    first, other = linked(api, "one_cancels_other", SNIPER, SNIPER | {"min_liquidity": "9" * 30})
    assert waits(*later) == [("PENDING", None, "sibling")] * 2
    open_pool("BONK/JUP", "--usd", "2000000")

    look()
    for stage in (*Stage, *Stage):
        run_stage(stage, engine=engine, policy=policy)
        settle_links([order.link_id for order in Order.objects.all() if order.link_id is not None])

    assert waits(entry, first, other) == [
        ("CONFIRMED", "filled", None),
        ("CONFIRMED", "filled", None),
        ("FAILED", "cancelled", None),
    ]
    assert waits(*later) == [("PENDING", None, "price")] * 2


def linked(api: Api, link: str, *bodies: dict[str, Any]) -> list[str]:
    answer = api.post("orders/batch", {"orders": list(bodies), "link": link})
    assert answer.status_code == 201, answer.content
    return [item["order"]["id"] for item in answer.json()["results"]]


def waits(*order_ids: str) -> list[tuple[str, str | None, str | None]]:
    found = {str(order.id): order for order in Order.objects.filter(pk__in=order_ids)}
    return [(found[one].status, found[one].outcome, found[one].waiting_for) for one in order_ids]


def test_another_account_is_told_nothing(account: Account, tokens: None) -> None:
    order = placed(Api(account))

    assert patched(Api(new_account()), order, {"max_age_s": 5}).status_code == 404
