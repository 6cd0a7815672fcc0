"""GET /prices: the market's prices as they were noted, and the caller's own fills, each in exactly one bucket."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from dex import ChainUnavailable, Engine
from dex.chains.simulated import SimulatedChain
from orders.models import Account, ArchiveFile, Order, PriceBucket, Token, Wallet
from orders.prices import recording, series
from orders.prices.grid import SPANS, grid
from orders.prices.recording import expire_prices, note_market
from orders.prices.series import _FILLS, _MARKET, Asked, price_series
from orders.tests.factories import new_account, place, terms
from orders.tests.history import History, load_history
from orders.tests.http_client import Api
from orders.tests.plans import costs, run_plan
from orders.tests.published_schema import published

pytestmark = pytest.mark.django_db(transaction=True)
# No bucket of this width ends while a test runs.
LONG_S = 10**9
NOW = datetime.now(UTC).replace(microsecond=0)


def bucket(at: datetime, prices: str, span_s: int = 15, pair: str = "SOL/USDC") -> None:
    first, low, high, last = map(Decimal, prices.split())
    token_in, token_out = pair.split("/")
    PriceBucket.objects.create(
        chain_id="simulated", token_in=token_in, token_out=token_out, span_s=span_s, at=at,
        first=first, low=low, high=high, last=last,
    )  # fmt: skip


def at_span(span_s: int, seconds_ago: float, now: datetime | None = None) -> datetime:
    """The beginning of the bucket of a moment; `now` where it must be the clock's, and not that of the first test."""
    moment = (now or NOW).timestamp() - seconds_ago
    return datetime.fromtimestamp(moment // span_s * span_s, UTC)


# --- What is noted ----------------------------------------------------------------------------------------------------


def test_each_pair_with_a_pool_is_noted_in_both_directions_at_the_price_that_triggers_see(
    engine: Engine, chain: SimulatedChain, tokens: None
) -> None:
    Token.objects.filter(symbol="BONK").update(is_enabled=False)
    direct = {
        (a, b)
        for pool in chain.snapshot().pools
        for a in pool.tokens
        for b in pool.tokens
        if a != b and "BONK" not in {a, b}
    }

    assert note_market(engine) == len(direct)

    for span in SPANS:
        rows = PriceBucket.objects.filter(span_s=span.width_s)
        assert set(rows.values_list("token_in", "token_out")) == direct
        assert {row.at.timestamp() % span.width_s for row in rows} == {0}
    mid = engine.prices([("SOL", "USDC")]).by_pair["SOL", "USDC"].mid
    assert mid is not None
    noted = PriceBucket.objects.get(span_s=15, token_in="SOL", token_out="USDC")
    assert noted.first == noted.low == noted.high == noted.last
    assert noted.last == Decimal(f"{float(mid * 1000):.12g}")


def test_a_bucket_keeps_its_first_price_its_extremes_and_its_last_one(
    engine: Engine, tokens: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_SPANS", [LONG_S])
    for mid in ("150", "148", "152", "151"):
        row = {"token_in": "SOL", "token_out": "USDC", "mid": mid}
        monkeypatch.setattr(recording, "_rows", lambda *_, row=row: [row])
        note_market(engine)

    assert list(PriceBucket.objects.values_list("first", "low", "high", "last")) == [
        tuple(map(Decimal, (150, 148, 152, 151)))
    ]


def test_a_market_that_stands_still_writes_no_row_again(
    engine: Engine, tokens: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def versions() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT token_in, token_out, xmin::text FROM orders_pricebucket ORDER BY 1, 2")
            return list(cursor.fetchall())

    monkeypatch.setattr(recording, "_SPANS", [LONG_S])
    note_market(engine)
    before = versions()
    note_market(engine)
    assert versions() == before != []


def test_noting_asks_the_chain_once_and_writes_one_statement(engine: Engine, tokens: None) -> None:
    note_market(engine)
    with CaptureQueriesContext(connection) as queries:
        note_market(engine)
    assert [query["sql"].split()[0] for query in queries if "orders_pricebucket" in query["sql"]] == ["INSERT"]


def test_a_chain_that_cannot_be_asked_leaves_a_gap(
    engine: Engine, tokens: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ChainUnavailable("no node answers")

    monkeypatch.setattr(Engine, "prices", away)
    assert note_market(engine) == 0
    assert not PriceBucket.objects.exists()


def test_prices_go_when_they_are_as_old_as_they_are_kept(db: None) -> None:
    for span in SPANS:
        for seconds in (0, span.kept_s - 2 * span.width_s, span.kept_s + 3 * span.width_s):
            bucket(at_span(span.width_s, seconds, datetime.now(UTC)), "1 1 1 1", span.width_s)

    assert expire_prices() == len(SPANS)

    assert PriceBucket.objects.count() == 2 * len(SPANS)
    assert expire_prices() == 0


# --- What is answered -------------------------------------------------------------------------------------------------


def test_points_hold_the_first_price_of_their_time_the_extremes_and_the_last(account: Account) -> None:
    begin = at_span(60, 3_600)
    for seconds, prices in (
        (0, "150 149 151 150"),
        (15, "150 148 150 149"),
        (45, "149 149 153 152"),
        (60, "152 152 152 152"),
    ):
        bucket(begin + timedelta(seconds=seconds), prices)
    bucket(begin, "7 7 7 7", 300)
    bucket(begin, "8 8 8 8", pair="SOL/USDT")

    after, before = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (begin, begin + timedelta(hours=1)))

    answer = Api(account, scopes=["read"]).get(f"prices?pair=SOL/USDC&points=60&after={after}&before={before}")

    assert answer.status_code == 200, answer.json()
    published("PricesShape").validate(answer.json())
    shown = answer.json()
    assert shown["bucket_s"] == 60
    shown_at = [f"{begin + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S}.000Z" for minutes in (0, 1)]
    assert [(each["at"], each["market"]) for each in shown["results"]] == [
        (shown_at[0], {"first": "150", "low": "148", "high": "153", "last": "152"}),
        (shown_at[1], dict.fromkeys(("first", "low", "high", "last"), "152")),
    ]
    assert {(each["sold"], each["bought"]) for each in shown["results"]} == {(None, None)}


def asked(after: datetime, before: datetime, points: int = 100) -> Asked:
    tokens = {token.symbol: token for token in Token.objects.all()}
    return Asked(tokens["SOL"], tokens["USDC"], after, before, points)


def test_each_fill_is_in_one_bucket_of_its_own_time_and_sums_are_exact(
    account: Account, drive: Callable[..., None]
) -> None:
    place(
        account,
        terms(),
        terms(amount=3 * 10**9),
        terms(token_in="USDC", token_out="SOL", decimals_in=6, decimals_out=9, amount=10**9, side="exact_out"),
        terms(token_out="USDT"),
        terms(amount=10**40),
    )
    other = new_account()
    place(other, terms(amount=7 * 10**9))
    drive()
    sold = Order.objects.filter(account=account, outcome="filled", token_in="SOL", token_out="USDC")
    late = sold.get(amount=3 * 10**9)
    # Placed before the range, filled in it.
    Order.objects.filter(pk=late.pk).update(created_at=F("created_at") - timedelta(days=30))
    before = datetime.now(UTC) + timedelta(seconds=1)

    shown = price_series(account, "simulated", asked(before - timedelta(minutes=10), before), before)

    found = [fills for each in shown.buckets for fills in (each.sold, each.bought) if fills]
    assert sum(fills.orders for fills in found if fills.is_sale) == sold.count() == 2
    assert sum(fills.amount_in for fills in found if fills.is_sale) == 4 * 10**9
    assert sum(fills.amount_out for fills in found if fills.is_sale) == sum(order.amount_out for order in sold)
    [bought] = [fills for fills in found if not fills.is_sale]
    order = Order.objects.get(account=account, token_in="USDC")
    assert (bought.orders, bought.amount_in, bought.amount_out) == (1, order.amount_in, order.amount_out)
    assert (bought.decimals, bought.newest) == ((6, 9), order.pk)
    assert Decimal(bought.average_price) == pytest.approx(
        Decimal(order.amount_in) / 10**6 / (Decimal(order.amount_out) / 10**9)
    )
    for each in shown.buckets:
        for fills in (each.sold, each.bought):
            if fills:
                filled_at = Order.objects.get(pk=fills.newest).updated_at
                assert each.at <= filled_at < each.at + timedelta(seconds=shown.width_s)
    # The other account's sale is its own alone.
    theirs = price_series(other, "simulated", asked(before - timedelta(minutes=10), before), before)
    [sales] = [each.sold for each in theirs.buckets if each.sold]
    assert (sales.orders, sales.amount_in) == (1, 7 * 10**9)


def test_of_too_many_fills_the_newest_are_counted_whole_and_it_is_said_from_when_on(
    account: Account, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = place(account, *(terms(amount=10**9 + number) for number in range(6)))
    drive()
    now = datetime.now(UTC)
    for number, order in enumerate(orders):
        at = now - timedelta(minutes=10 * (number + 1))
        Order.objects.filter(pk=order.pk).update(created_at=at, updated_at=at + timedelta(seconds=1))
    monkeypatch.setattr(series, "MOST_FILLS", 3)

    shown = price_series(account, "simulated", asked(now - timedelta(hours=2), now), now)

    third = Order.objects.get(pk=orders[2].pk)
    assert shown.fills_since == third.created_at + timedelta(minutes=1)
    newest = [each.sold.newest for each in shown.buckets if each.sold]
    assert newest == [orders[1].pk, orders[0].pk]
    monkeypatch.setattr(series, "MOST_FILLS", 7)
    assert price_series(account, "simulated", asked(now - timedelta(hours=2), now), now).fills_since is None


def test_archived_months_are_named(account: Account) -> None:
    month = (NOW - timedelta(days=40)).date().replace(day=1)
    ArchiveFile.objects.create(name="f", month=month, order_count=1, event_count=1, size=1, sha256="0")
    api = Api(account, scopes=["read"])

    old = api.get(f"prices?pair=SOL/USDC&after={NOW - timedelta(days=60):%Y-%m-%dT%H:%M:%SZ}").json()
    new = api.get("prices?pair=SOL/USDC").json()

    assert (old["archived_months"], new["archived_months"]) == ([f"{month:%Y-%m}"], [])
    assert (old["results"], new["results"], new["fills_since"]) == ([], [], None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid"),
        ("?pair=SOL", "invalid"),
        ("?pair=SOL/SOL", "invalid"),
        ("?pair=SOL/NOPE", "unknown_token"),
        ("?pair=SOL/USDC&points=0", "invalid"),
        ("?pair=SOL/USDC&points=301", "invalid"),
        ("?pair=SOL/USDC&after=2001-01-01T00:00:00Z", "invalid"),
        ("?pair=SOL/USDC&after=9999-01-01T00:00:00Z", "invalid"),
        ("?pair=SOL/USDC&after=2026-01-02T00:00:00Z&before=2026-01-02T00:00:00Z", "invalid"),
        ("?pair=SOL/USDC&point=3", "unknown_field"),
    ],
)
def test_a_range_that_is_none_is_refused(account: Account, query: str, code: str) -> None:
    answer = Api(account, scopes=["read"]).get(f"prices{query}")
    assert (answer.status_code, answer.json()["code"]) == (400 if code != "unknown_token" else 422, code)


# --- What it costs ----------------------------------------------------------------------------------------------------


def test_it_reads_the_range_alone_beside_a_long_history(
    account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = Wallet.objects.create(account=account, chain_id="simulated", address="0x1")
    until = datetime.now(UTC)
    load_history(History(account, wallet, new_account(), 20_000, until))
    monkeypatch.setattr(series, "MOST_FILLS", 300)
    wanted = asked(until - timedelta(days=1), until)
    made = grid(int(wanted.after.timestamp()), int(until.timestamp()), 100, int(until.timestamp()))
    values = series._values(account, "simulated", wanted, made)

    assert costs(run_plan(_FILLS, values), 4 * 300) == []
    steps = run_plan(_MARKET, values)
    assert "Seq Scan" not in str(steps)
