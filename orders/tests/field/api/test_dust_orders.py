"""Orders of dust through the API: what rounding costs is told as a too small amount, with the advice that helps."""

import pytest

from orders.models import Account, Order
from orders.tests.http_client import Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]


@pytest.mark.parametrize(
    "terms",
    [
        {"token_in": "SOL", "token_out": "USDC", "amount": "0.000000008"},
        {"token_in": "SOL", "token_out": "USDC", "amount": "0.000000001"},
        {"token_in": "SOL", "token_out": "USDC", "amount": "0.000001", "side": "exact_out"},
        {"token_in": "USDC", "token_out": "SOL", "amount": "0.000001"},
    ],
)
def test_dust_is_too_small_and_not_to_be_split(account: Account, terms: dict[str, str]) -> None:
    api = Api(account)

    for path in ("quotes", "orders?dry_run=true"):
        answer = api.ask("POST", path, terms)
        assert (answer.status_code, answer.json()["code"]) == (422, "amount_too_small"), path
        assert answer.json()["try"] == "Send a larger amount"
    assert not Order.objects.exists()


def test_dust_at_any_price_is_quoted_without_an_impact(account: Account) -> None:
    terms = {"token_in": "SOL", "token_out": "USDC", "amount": "0.00000002", "guards": {"max_price_impact_bps": None}}

    answer = Api(account).ask("POST", "quotes", terms)

    assert answer.status_code in (200, 201)
    assert answer.json()["amount_out_raw"] == "2"
    assert float(answer.json()["route"]["price_impact_bps"]) == 0
