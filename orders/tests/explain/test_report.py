"""Reports: in each grouping their totals are the sums over the orders, to the atom."""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from dex import Engine
from orders.config import Policy
from orders.models import Account, ArchiveFile, Fill, Order
from orders.models.key_format import prefix_of
from orders.presentation.report import csv_cell, csv_line
from orders.services import report
from orders.states import Stage
from orders.tests.factories import new_account, place, terms
from orders.tests.http_client import Api
from orders.waiting.trigger_pass import trigger_orders

pytestmark = pytest.mark.django_db

GROUPS = report.GROUP_BY
PAIRS = {("SOL", "USDC"): (9, 6), ("USDC", "SOL"): (6, 9), ("ETH", "USDC"): (18, 6)}
ENDS = ["filled", "filled", "filled", "slippage", "cancelled", None]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Totals = dict[tuple[Any, ...], dict[str, int]]


def stored(account: Account, chance: random.Random, **changes: Any) -> Order:
    """An order as it might have ended, with its fill in one or two swaps."""
    pair = chance.choice(list(PAIRS))
    outcome = changes.pop("outcome", chance.choice(ENDS))
    order_type = chance.choice(["market", "limit"])
    own: dict[str, Any] = {"type_terms": {"limit_price": "1"}} if order_type == "limit" else {}
    is_filled, amounts = outcome == "filled", [chance.randrange(1, 10 ** chance.randrange(2, 30)) for _ in range(6)]
    knows = {name for name in ("arrival_amount", "saved_amount") if chance.random() < 0.7}
    order = Order.objects.create(
        account=account,
        request_hash=b"",
        chain_id="simulated",
        order_type=order_type,
        side=chance.choice(["exact_in", "exact_out"]),
        token_in=pair[0],
        token_out=pair[1],
        decimals_in=PAIRS[pair][0],
        decimals_out=PAIRS[pair][1],
        amount=amounts[0],
        terms=terms(**own).terms,
        status="CONFIRMED" if is_filled else "FAILED" if outcome else "PENDING",
        outcome=outcome,
        failure=None if is_filled or outcome is None else {"code": outcome, "detail": "x"},
        quoted_amount_in=amounts[2],
        quoted_amount_out=amounts[3],
        arrival_amount=amounts[4] if "arrival_amount" in knows else None,
        saved_amount=chance.randrange(-(10**9), 10**9) if "saved_amount" in knows else None,
        amount_in=amounts[0] if is_filled else None,
        amount_out=amounts[1] if is_filled else None,
        network_fee_paid=chance.choice([None, 0, amounts[5]]) if outcome else None,
        native_token="SOL",
        native_decimals=9,
        tx_hash=f"0x{chance.getrandbits(64):x}" if is_filled else None,
        placed_key=chance.choice([None, "keyone00", "keytwo00"]),
        **changes,
    )
    Order.objects.filter(pk=order.pk).update(created_at=NOON + timedelta(minutes=chance.randrange(0, 4000)))
    order.refresh_from_db()
    if is_filled:
        _fill(order, chance)
    return order


def _fill(order: Order, chance: random.Random) -> None:
    """One leg of one swap, or of two over another token; old rows have them as the API showed them."""
    via = chance.choice([None, "USDT"])
    ends = [order.token_in, *([via] if via else []), order.token_out]
    atoms = [order.amount_in, *([chance.randrange(1, 10**20)] if via else []), order.amount_out]
    hops = [
        [chance.choice(["orca", "meteora"]), "pool", ends[i], ends[i + 1], str(atoms[i]), str(atoms[i + 1])]
        for i in range(len(ends) - 1)
    ]
    names = ("venue", "pool", "token_in", "token_out", "amount_in_raw", "amount_out_raw")
    shown: Any = [text for hop in hops for text in hop]
    if chance.random() < 0.3:
        shown = [dict(zip(names, hop, strict=True)) for hop in hops]
    Fill.objects.create(
        order=order, leg=0, amount_in=order.amount_in, amount_out=order.amount_out, hops=shown,
        tx_hash=order.tx_hash or "", block_number=1,
    )  # fmt: skip


def read(api: Api, query: str) -> dict[str, Any]:
    """A report as JSON."""
    answer = api.get(f"reports/execution?{query}")
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = json.loads(b"".join(answer.streaming_content))
    return found


def all_orders(api: Api, query: str = "") -> Iterator[dict[str, Any]]:
    """As GET /orders lists them, page by page."""
    path: str | None = f"orders?limit=500{query}"
    while path:
        page = api.get(path).json()
        yield from page["results"]
        path = page["next"] and f"orders?{page['next'].partition('?')[2]}"


def expected(api: Api, query: str = "") -> Totals:
    """Sums over GET /orders and GET /orders/{id}/execution; parents are the sums of their children already."""
    totals: dict[tuple[Any, ...], Counter[str]] = {}
    for order in all_orders(api, query):
        if order["slices_done"] is not None:
            continue
        execution = api.get(f"orders/{order['id']}/execution").json()
        key = (order["chain"], order["token_in"], order["token_out"], order["side"])
        sums = totals.setdefault(key, Counter())
        sums["orders"] += 1
        sums["open"] += order["outcome"] is None
        sums["failed"] += order["status"] == "FAILED"
        sums["network_fee"] += int((order["network_fee_paid"] or {"amount_raw": 0})["amount_raw"])
        if order["amount_out_raw"] is None:
            continue
        sums["filled"] += 1
        for name in ("amount_in", "amount_out", "quoted_amount", "executed_amount"):
            sums[name] += int(execution[f"{name}_raw"])
        sums["vs_quote"] += int(execution["shortfall"]["vs_quote"]["amount_raw"])
        if execution["arrival_amount_raw"] is not None:
            sums["measured"] += 1
            sums["arrival_amount"] += int(execution["arrival_amount_raw"])
            sums["vs_arrival"] += int(execution["shortfall"]["vs_arrival"]["amount_raw"])
        if execution["saved_raw"] is not None:
            sums["compared"] += 1
            sums["compared_amount"] += int(execution["quoted_amount_raw"])
            sums["saved"] += int(execution["saved_raw"])
    return {key: dict(sums) for key, sums in totals.items()}


COMPARED = (
    *("orders", "filled", "failed", "open", "amount_in", "amount_out", "quoted_amount", "executed_amount"),
    *("vs_quote", "measured", "arrival_amount", "vs_arrival", "compared", "compared_amount", "saved", "network_fee"),
)


def sums_of(row: dict[str, Any]) -> dict[str, int]:
    return {name: int(row[f"{name}_raw"] if f"{name}_raw" in row else row[name]) for name in COMPARED}


def by_key(rows: list[dict[str, Any]]) -> Totals:
    found: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        key = (row["chain"], row["token_in"], row["token_out"], row["side"])
        found.setdefault(key, Counter()).update(sums_of(row))
    return {key: dict(sums) for key, sums in found.items()}


def filled_in(sums: Totals) -> Totals:
    return {key: {name: value.get(name, 0) for name in COMPARED} for key, value in sums.items()}


@pytest.mark.parametrize("seed", range(4))
def test_totals_of_every_grouping_are_the_sums_over_the_orders(
    account: Account, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random orders, on pages of a few each; those of another account are not in it."""
    chance = random.Random(seed)
    monkeypatch.setattr(report, "PAGE", chance.choice([1, 3, 1000]))
    for _ in range(25):
        stored(account, chance)
    stored(new_account(), chance, outcome="filled")
    api = Api(account)
    wanted = filled_in(expected(api))

    for group in GROUPS[1:]:
        answer = read(api, f"group_by={group}")
        assert by_key(answer["results"]) == wanted, group
        assert by_key(answer["totals"]) == wanted, group
        assert len({(row["group"], row["token_in"], row["side"], row["token_out"]) for row in answer["results"]}) == (
            len(answer["results"])
        )


@pytest.mark.parametrize("seed", range(2))
def test_swaps_of_venues_add_up_to_what_orders_gave_and_received(account: Account, seed: int) -> None:
    """Of each token, what swaps paid less what they took is what orders received less what they gave."""
    chance = random.Random(seed)
    orders = [stored(account, chance) for _ in range(30)]
    net: Counter[str] = Counter()
    for order in orders:
        net[order.token_out] += order.amount_out or 0
        net[order.token_in] -= order.amount_in or 0

    answer = read(Api(account), "group_by=venue")

    for rows in (answer["results"], answer["totals"]):
        of_swaps: Counter[str] = Counter()
        for row in rows:
            of_swaps[row["token_out"]] += int(row["amount_out_raw"])
            of_swaps[row["token_in"]] -= int(row["amount_in_raw"])
        assert {token: sum_ for token, sum_ in of_swaps.items() if sum_} == {t: n for t, n in net.items() if n}
    assert {row["group"] for row in answer["results"]} == {"orca", "meteora"}
    assert all(row["orders"] is None for row in answer["totals"])


@pytest.mark.parametrize(
    "query",
    ["&created_after=2026-03-01T20:00:00Z", "&created_before=2026-03-02T00:30:00Z", "&pair=SOL/USDC"],
)
def test_filters_narrow_it_as_they_narrow_lists(account: Account, query: str) -> None:
    chance = random.Random(9)
    for _ in range(30):
        stored(account, chance)
    api = Api(account)

    found = read(api, f"group_by=hour{query}")

    assert by_key(found["totals"]) == filled_in(expected(api, query))
    assert len(found["results"]) > 0


def test_tokens_narrow_it_to_one_end(account: Account) -> None:
    chance = random.Random(1)
    for _ in range(20):
        stored(account, chance)
    api = Api(account)

    gives = read(api, "group_by=pair&token_in=SOL")
    gets = read(api, "group_by=pair&token_out=USDC")

    assert {row["group"] for row in gives["results"]} == {"SOL/USDC"}
    assert {row["group"] for row in gets["results"]} == {"SOL/USDC", "ETH/USDC"}


def test_groups_are_named_as_they_are_asked_for(account: Account) -> None:
    api, chance = Api(account), random.Random(3)
    order = stored(account, chance, outcome="filled")

    def groups(name: str) -> list[Any]:
        return [row["group"] for row in read(api, f"group_by={name}")["results"]]

    assert groups("hour") == [f"{order.created_at:%Y-%m-%dT%H}:00:00Z"]
    assert groups("day") == [f"{order.created_at:%Y-%m-%d}"]
    assert groups("key") == [order.placed_key]
    assert groups("type") == [order.order_type]


@pytest.mark.django_db(transaction=True)
def test_an_order_counts_by_the_key_that_placed_it_and_a_child_by_the_type_of_its_parent(
    account: Account, engine: Engine, policy: Policy, drive: Callable[..., None]
) -> None:
    api = Api(account)
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "2", "type": "ladder", "from": "1", "to": "2", "steps": 2}
    placed = api.post("orders", body).json()
    drive(Stage.CHILDREN)
    trigger_orders(engine, policy, at_least_s=0.0)
    drive(orders=[placed["id"]])

    [by_type] = read(api, "group_by=type")["results"]
    [by_prefix] = read(api, "group_by=key")["results"]

    assert (by_type["group"], by_type["orders"], by_type["filled"]) == ("ladder", 2, 2)
    assert by_prefix["group"] == prefix_of(api.text)
    assert by_type["amount_in"] == "2"
    parent = api.get(f"orders/{placed['id']}").json()
    assert by_type["amount_out_raw"] == parent["amount_out_raw"]


def test_it_comes_as_csv_with_the_same_figures(account: Account) -> None:
    chance = random.Random(4)
    for _ in range(10):
        stored(account, chance)
    api = Api(account)
    asked: Any = api.client.get("/api/v1/reports/execution?group_by=pair", headers={"Accept": "text/csv"})
    text = b"".join(asked.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    told = read(api, "group_by=pair")

    assert asked["Content-Type"] == "text/csv; charset=utf-8"
    assert asked["Content-Disposition"] == 'attachment; filename="execution-by-pair.csv"'
    assert int(asked["Content-Length"]) == len(text)
    for kind, name in (("group", "results"), ("total", "totals")):
        shown = [row for row in rows if row["row"] == kind]
        assert shown == [
            {"row": kind, **{n: "" if v is None else str(v) for n, v in row.items()}} for row in told[name]
        ]
    by_format = api.get("reports/execution?group_by=pair&format=csv")
    assert b"".join(by_format.streaming_content).decode() == text


def test_what_is_refused_is_json_for_all(account: Account) -> None:
    api = Api(account)
    for query, code in (
        ("", "invalid"),
        ("?group_by=moon", "invalid"),
        ("?group_by=pair&format=xml", "invalid"),
        ("?group_by=pair&token_in=NOPE", "unknown_token"),
    ):
        answer = api.client.get(f"/api/v1/reports/execution{query}", headers={"Accept": "text/csv"})
        assert answer["Content-Type"] == "application/problem+json"
        assert (answer.json()["code"], answer.status_code) == (code, 422 if code == "unknown_token" else 400)


@pytest.mark.parametrize(("name", "most"), [("MOST_ORDERS", 4), ("MOST_ROWS", 1), ("LIMIT_S", -1.0)])
def test_what_is_too_large_says_what_to_do(
    account: Account, monkeypatch: pytest.MonkeyPatch, name: str, most: float
) -> None:
    chance = random.Random(5)
    for _ in range(12):
        stored(account, chance)
    monkeypatch.setattr(report, "PAGE", 2)
    monkeypatch.setattr(report, name, most)

    answer = Api(account).get("reports/execution?group_by=hour")

    assert (answer.status_code, answer.json()["code"]) == (422, "report_too_large")
    assert "created_after" in answer.json()["try"]


def test_a_page_reads_no_more_orders_than_it_sums(account: Account) -> None:
    """The pages of each part come from an index, in order."""
    chance = random.Random(6)
    for _ in range(40):
        stored(account, chance)
    values: dict[str, Any] = {
        "account": account.pk, "before": "infinity", "at": "-infinity", "id": "00000000-0000-0000-0000-000000000000",
        "token_in": None, "token_out": None,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (FORMAT TEXT) {report._statement('pair', has_pair=False)}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    for index in ("order_open", "order_filled", "order_failed"):
        assert f"using {index} on orders_order" in plan


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("@cmd", "'@cmd"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("-12.5", "-12.5"),
        ("-0", "-0"),
        ("12", "12"),
        ("-", "'-"),
        ("-1e5", "'-1e5"),
        ("SOL/USDC", "SOL/USDC"),
        (None, ""),
        (-3, "-3"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(value: Any, cell: str) -> None:
    assert csv_cell(value) == cell


def test_cells_are_quoted_where_they_hold_separators() -> None:
    assert csv_line(['a"b', "c,d", "e\nf", None]) == '"a""b","c,d","e\nf",\r\n'


def test_months_with_archive_files_are_named(account: Account) -> None:
    """Their orders are no rows any more."""
    for month in ("2026-01-01", "2026-02-01", "2026-03-01"):
        ArchiveFile.objects.create(
            name=f"orders-{month}", month=month, order_count=1, event_count=1, size=1, sha256="0" * 64
        )
    api = Api(account)

    within = read(api, "group_by=day&created_after=2026-02-10T00:00:00Z&created_before=2026-03-01T00:00:00Z")

    assert within["archived_months"] == ["2026-02"]
    assert read(api, "group_by=day")["archived_months"] == ["2026-01", "2026-02", "2026-03"]


def test_an_open_order_is_counted_and_adds_no_amount(account: Account) -> None:
    place(account, terms())

    [row] = read(Api(account), "group_by=pair")["results"]

    assert (row["orders"], row["open"], row["filled"], row["amount_out"]) == (1, 1, 0, "0")
    assert (row["vs_quote_bps"], row["vs_arrival_bps"], row["saved_bps"]) == (None, None, None)
