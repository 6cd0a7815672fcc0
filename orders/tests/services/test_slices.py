"""Slices that are too small for a transaction of their own: refused at once, with the count that works."""

from typing import Any

import pytest

from dex import ChainUnavailable, Engine
from orders.models import Account, Order
from orders.services import slices
from orders.tests.http_client import Api
from orders.tests.pipeline.parents.families import twap

pytestmark = pytest.mark.django_db(transaction=True)

# A transaction costs about 15,000 lamports here, so a slice has to be worth a hundred times that.
SMALL = 10_000_000


@pytest.fixture
def api(account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A caller whose requests meet the test's engine."""
    for module in ("orders", "batch"):
        monkeypatch.setattr(f"orders.api.{module}.get_engine", lambda: engine)
    return Api(account)


def order(amount: str, count: int, **fields: Any) -> dict[str, Any]:
    swap = {"token_in": "SOL", "token_out": "USDC", "amount": amount, "type": "twap"}
    return swap | {"twap": {"slices": count, "interval_s": 60}} | fields


def test_the_largest_count_that_works_works_and_one_more_does_not(engine: Engine, tokens: None) -> None:
    refusal = slices.slices_refusal(twap(500, amount=SMALL), engine)
    assert refusal is not None
    most = refusal.facts["most_slices"]

    assert 1 < most < 500
    assert slices.slices_refusal(twap(most, amount=SMALL), engine) is None
    one_more = slices.slices_refusal(twap(most + 1, amount=SMALL), engine)
    assert one_more is not None
    assert (one_more.code, one_more.facts) == ("slice_too_small", {"most_slices": most})


def test_where_no_count_works_one_order_is_what_is_left(engine: Engine, tokens: None) -> None:
    refusal = slices.slices_refusal(twap(2, amount=1_000), engine)

    assert refusal is not None
    assert refusal.facts == {"most_slices": 1}
    assert "one market order" in refusal.hint


def test_a_chain_that_cannot_be_asked_refuses_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise ChainUnavailable("away")

    monkeypatch.setattr(engine, "route", away)
    assert slices.slices_refusal(twap(500, amount=SMALL), engine) is None


def test_it_is_refused_before_anything_is_stored(api: Api) -> None:
    alone = api.post("orders", order("0.01", 500))
    batch = api.post("orders/batch", {"orders": [order("0.01", 500), order("10", 5)]})
    dry_run = api.post("orders?dry_run=true", order("0.01", 500))

    for answer in (alone, dry_run):
        assert (answer.status_code, answer.json()["code"]) == (422, "slice_too_small")
        assert answer.json()["errors"][0]["pointer"] == "/twap/slices"
        assert answer.json()["facts"]["most_slices"] > 1
    assert batch.status_code == 207
    assert [item.get("error", {}).get("code") for item in batch.json()["results"]] == ["slice_too_small", None]
    assert list(Order.objects.values_list("order_type", flat=True)) == ["twap"]


def test_what_was_accepted_once_is_not_refused_when_it_comes_again(
    api: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.post("orders", order("10", 5, client_order_id="dca"))
    monkeypatch.setattr(slices, "MOST_FEE_PPM", 0)

    again = api.post("orders", order("10", 5, client_order_id="dca"))
    other = api.post("orders", order("10", 5))

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()


def test_a_dry_run_shows_the_slices_and_the_quote_of_the_first(api: Api) -> None:
    schedule = {"slices": 3, "interval_s": 60, "start_at": "2999-01-01T00:00:00Z"}
    answer = api.post("orders?dry_run=true", order("10", 3, twap=schedule)).json()

    assert [item["at"] for item in answer["outline"]] == [f"2999-01-01T00:0{minute}:00.000Z" for minute in range(3)]
    assert [item["amount_raw"] for item in answer["outline"]] == ["3333333333", "3333333333", "3333333334"]
    assert (answer["status"], answer["waiting_for"]) == ("PENDING", "schedule")
    assert answer["route"]["legs"][0]["hops"]
    assert answer["quoted_amount_in_raw"] == "3333333333"
    assert not Order.objects.exists()
