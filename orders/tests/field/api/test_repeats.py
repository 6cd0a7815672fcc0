"""A repeat gets the first answer before anything else is judged, also where things changed between the two posts."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders.api import intake, posts
from orders.api.posts import read_offer
from orders.audit.record import Actor
from orders.engine import get_engine
from orders.models import Account, ApiKey, Order, Token
from orders.risk.account_limits import set_limits
from orders.risk.pause import find_target, pause
from orders.services.cancel import cancel_orders
from orders.services.place import place_orders
from orders.tests.factories import terms
from orders.tests.http_client import Api

pytestmark = pytest.mark.usefixtures("tokens")

OPERATOR = Actor("boss", reason="drill", is_admin=True)
KEY = {"Idempotency-Key": "k-1"}


class World:
    """What may change while an answer is lost."""

    def __init__(self, account: Account, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account, self.settings, self.monkeypatch = account, settings, monkeypatch

    def default_slippage(self) -> None:
        self.settings.ORDER_DEFAULT_SLIPPAGE_BPS = "71"

    def default_impact(self) -> None:
        self.settings.ORDER_DEFAULT_PRICE_IMPACT_BPS = "12"

    def token_disabled(self) -> None:
        Token.objects.filter(symbol="SOL").update(is_enabled=False)

    def token_gone(self) -> None:
        Token.objects.filter(symbol="USDC").delete()

    def token_coarser(self) -> None:
        Token.objects.filter(symbol="SOL").update(decimals=0)

    def token_finer(self) -> None:
        Token.objects.filter(symbol="USDC").update(decimals=12)

    def value_unknown(self) -> None:
        Token.objects.update(value=None)

    def other_chain(self) -> None:
        offer = read_offer()
        other = intake.Offer("evm:1", offer.native, {}, frozenset({"uniswap_v3"}), "50", "1000")
        self.monkeypatch.setattr(posts, "read_offer", lambda: other)
        for module in ("orders.api.orders", "orders.api.batch"):
            self.monkeypatch.setattr(f"{module}.read_offer", lambda: other)
        assert offer.chain_id == "simulated"

    def time_passed(self) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(days=2)

        self.monkeypatch.setattr(intake, "datetime", Later)

    def key_venues(self) -> None:
        ApiKey.objects.update(venues=["raydium"])

    def key_other_venues(self) -> None:
        ApiKey.objects.update(venues=["uniswap_v2"])

    def key_tokens(self) -> None:
        ApiKey.objects.update(tokens=["ETH"])

    def key_order_cap(self) -> None:
        ApiKey.objects.update(max_order_value=1)

    def key_dry_runs_only(self) -> None:
        ApiKey.objects.update(is_dry_run_only=True)

    def key_day_cap(self) -> None:
        ApiKey.objects.update(max_day_value=0)

    def account_limit(self) -> None:
        set_limits(self.account, max_open_value=1, max_open_orders=0, actor=OPERATOR)

    def everything_paused(self) -> None:
        pause(find_target("global", "", get_engine()), OPERATOR)

    def account_paused(self) -> None:
        pause(find_target("account", self.account.name, get_engine()), OPERATOR)

    def venue_paused(self) -> None:
        pause(find_target("venue", "raydium", get_engine()), OPERATOR)

    def order_ended(self) -> None:
        cancel_orders(list(Order.objects.values_list("id", flat=True)), actor=OPERATOR)


CHANGES = sorted(name for name in vars(World) if not name.startswith("_"))


@pytest.fixture
def world(account: Account, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)
    return World(account, settings, monkeypatch)


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


def sell(**more: Any) -> dict[str, Any]:
    """An order for the next half minute."""
    until = (datetime.now(UTC) + timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    venues = {"allow": ["raydium", "orca", "meteora"]}
    return {"token_in": "SOL", "token_out": "USDC", "amount": "0.25", "expires_at": until, "venues": venues} | more


def buy(**more: Any) -> dict[str, Any]:
    """A purchase, whose cost a key's cap bounds."""
    return {"token_in": "SOL", "token_out": "USDC", "amount": "20", "side": "exact_out"} | more


def orders_of(named: bool) -> list[dict[str, Any]]:
    return [sell(client_order_id="a"), buy(client_order_id="b")] if named else [sell(), buy()]


# The ways in which an order can come again: path, body, headers.
WAYS: dict[str, Callable[[], tuple[str, Any, dict[str, str]]]] = {
    "single by key": lambda: ("orders", sell(), KEY),
    "single by id": lambda: ("orders", sell(client_order_id="a"), {}),
    "purchase by id": lambda: ("orders", buy(client_order_id="b"), {}),
    "batch by key": lambda: ("orders/batch", {"orders": orders_of(False)}, KEY),
    "batch by ids": lambda: ("orders/batch", {"orders": orders_of(True)}, {}),
    "atomic batch by key": lambda: ("orders/batch", {"orders": orders_of(False), "atomic": True}, KEY),
    "atomic batch by ids": lambda: ("orders/batch", {"orders": orders_of(True), "atomic": True}, {}),
}


def repeat(api: Api, world: World, way: str, changes: list[str]) -> None:
    """Post, change the world, post the same bytes: the answers are one."""
    path, body, headers = WAYS[way]()
    first = api.post(path, body, **headers)
    assert first.status_code == 201, first.json()
    stored = Order.objects.count()
    for change in changes:
        getattr(world, change)()

    again = api.post(path, body, **headers)

    assert (again.status_code, again.json()) == (201, first.json()), (way, changes)
    assert again.get("Location") == first.get("Location")
    if headers or path == "orders":
        assert again["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == stored


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_one_change_does_not_change_the_answer(api: Api, world: World, way: str, change: str) -> None:
    repeat(api, world, way, [change])


@pytest.mark.parametrize("seed", range(40))
def test_no_set_of_changes_does(api: Api, world: World, seed: int) -> None:
    chance = random.Random(seed)

    repeat(api, world, chance.choice(list(WAYS)), chance.sample(CHANGES, chance.randint(2, 8)))


@pytest.mark.parametrize("seed", range(20))
def test_what_was_accepted_alone_is_answered_within_a_batch_and_what_is_new_is_judged(
    api: Api, world: World, seed: int
) -> None:
    chance = random.Random(seed)
    known = orders_of(True)
    first = [api.post("orders", order).json() for order in known]
    for change in {"token_disabled", *chance.sample(CHANGES, 3)} - {"order_ended"}:
        getattr(world, change)()

    items = [*known, sell(client_order_id="new"), sell(), "no order"]
    answer = api.post("orders/batch", {"orders": items})
    atomic = api.post("orders/batch", {"orders": items, "atomic": True})

    results = answer.json()["results"]
    assert answer.status_code == 207
    assert [result.get("order") for result in results] == [*first, None, None, None]
    assert all("error" in result for result in results[2:])
    assert (atomic.status_code, atomic.json()["code"]) == (422, "batch_refused")
    assert Order.objects.count() == 2


def test_another_order_under_a_used_id_is_told_so_even_where_it_would_be_refused(api: Api, world: World) -> None:
    first = api.post("orders", sell(client_order_id="a")).json()
    world.token_disabled()

    other = api.post("orders", sell(client_order_id="a", amount="0.5"))

    assert (other.status_code, other.json()["code"]) == (422, "client_order_id_reused")
    assert other.json()["facts"] == {"order_id": first["id"]}


def test_what_is_new_is_judged_as_ever(api: Api, world: World) -> None:
    api.post("orders", sell(client_order_id="a"))
    world.time_passed()

    late = api.post("orders", sell(client_order_id="z"))
    keyed = api.post("orders", sell(), **{"Idempotency-Key": "fresh"})

    assert [(answer.status_code, answer.json()["code"]) for answer in (late, keyed)] == [(422, "already_expired")] * 2
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"amount": "2.5"}, {"amount": "2.50"}),
        ({"guards": {"max_slippage_bps": 50}}, {"guards": {"max_slippage_bps": "50.00"}}),
        ({"venues": {"deny": ["curve", "orca"]}}, {"venues": {"deny": ["orca", "curve", "orca"]}}),
        ({"client_order_id": "a", "tags": {}}, {}),
        ({"side": "exact_in", "type": "market", "guards": {}, "venues": {"max_legs": None}}, {}),
        ({"time_in_force": "ioc", "sim": {"scenario": "none"}}, {}),
        ({"guards": {"min_amount_out": "1.0", "max_quote_age_ms": None}}, {"guards": {"min_amount_out": "1"}}),
    ],
)
def test_one_order_has_many_spellings(api: Api, first: dict[str, Any], second: dict[str, Any]) -> None:
    plain = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5", "client_order_id": "a"}

    answers = [api.post("orders", plain | body) for body in (first, second)]

    assert [answer.status_code for answer in answers] == [201, 201], answers[1].json()
    assert answers[0].json() == answers[1].json()
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"guards": {"max_price_impact_bps": None}}),
        ({}, {"guards": {"max_slippage_bps": 51}}),
        ({"time_in_force": "ioc"}, {"time_in_force": "fok"}),
        ({"tags": {"a": "1"}}, {"tags": {"a": "1.0"}}),
        ({"venues": {"max_legs": 1}}, {"venues": {"max_legs": 2}}),
        ({"venues": {"allow": ["orca"]}}, {"venues": {"deny": ["orca"]}}),
        ({"side": "exact_in"}, {"side": "exact_out"}),
        ({"amount": "100"}, {"amount": "10"}),
        ({"sim": {"scenario": "none"}}, {"sim": {"scenario": "slow"}}),
    ],
)
def test_another_order_is_no_repeat(api: Api, first: dict[str, Any], second: dict[str, Any]) -> None:
    plain = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5", "client_order_id": "a"}

    answers = [api.post("orders", plain | body) for body in (first, second)]

    assert [answer.status_code for answer in answers] == [201, 422], answers[1].json()
    assert answers[1].json()["code"] == "client_order_id_reused"


def test_a_repeat_of_an_order_that_an_earlier_version_stored_is_known_by_its_terms(api: Api) -> None:
    """It kept the hash of the terms as they were accepted, defaults filled in."""
    earlier = terms(client_order_id="old", amount=2_500_000_000, max_price_impact_ppm=100_000)
    [placed] = place_orders(api.account, [earlier])
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5", "client_order_id": "old"}

    again, other = api.post("orders", body), api.post("orders", body | {"amount": "2"})

    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json()["id"] == str(placed.order.id)  # type: ignore[union-attr]
    assert (other.status_code, other.json()["code"]) == (422, "client_order_id_reused")


def test_a_repeat_is_one_whatever_its_slash_blanks_and_member_order(api: Api) -> None:
    first = api.post("orders", buy(), **KEY)
    spellings = [json.dumps(buy(), indent=2), json.dumps(dict(reversed(buy().items())), separators=(",", ":"))]

    answers = [api.post(path, text, **KEY) for path in ("orders", "orders/") for text in spellings]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(201, first.json())] * 4
    assert Order.objects.count() == 1


@pytest.mark.parametrize("path", ["orders", "orders/batch", "orders?dry_run=true"])
@pytest.mark.parametrize("keys", ["k-1,k-1", "k-1,", ",", "k-1,k-2"])
def test_a_key_that_is_stated_twice_is_none(api: Api, path: str, keys: str) -> None:
    """Headers of one name arrive joined by commas, from the server itself or from a proxy before it."""
    body = {"orders": [buy()]} if "batch" in path else buy()

    answer = api.post(path, body, **{"Idempotency-Key": keys})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Order.objects.exists()
