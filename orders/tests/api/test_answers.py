"""Real answers against the published schema: each is valid, and holds no field that the schema does not name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from orders.models import Account
from orders.receipts.keys import make_private_key
from orders.scopes import SCOPES
from orders.shapes import ABSENT, GIVEN, Shape, integer, text
from orders.tests.factories import api_key, place, terms
from orders.tests.published_schema import published

pytestmark = pytest.mark.django_db(transaction=True)

SWAP = {"token_in": "SOL", "token_out": "USDC", "amount": "250"}
REFUSED = {"token_in": "SOL", "token_out": "NOPE", "amount": "1"}
HALT = {"scope": "venue", "name": "orca", "reason": "odd prices"}


def closed(schema: Any) -> Any:
    """The schema, in which no object takes fields that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    is_open = schema.get("type") == "object" and "properties" in schema
    return {"additionalProperties": False} | inner if is_open else inner


def check(component: str, answer: Any) -> None:
    """Raises: AssertionError with everything that the published schema does not say."""
    validator = published(component)
    # Not `evolve`: it would follow references into the schema as it was.
    strict = Draft202012Validator(closed(validator.schema), format_checker=validator.format_checker)
    assert [error.message for error in strict.iter_errors(answer)] == []


def test_every_answer_is_as_published(
    account: Account, drive: Callable[..., None], settings: Any, tmp_path: Path
) -> None:
    settings.RECEIPT_KEY_FILE = str(tmp_path / "receipt-key.pem")
    make_private_key(tmp_path / "receipt-key.pem")
    sold, bought, failed = place(
        account,
        terms(amount=5_000 * 10**9, tags={"book": "eu"}),
        terms(side="exact_out", amount=10**9),
        terms(amount=10**40, allow=("meteora",)),
    )
    drive()
    api = Client(headers={"Authorization": f"Bearer {api_key(account, scopes=list(SCOPES))}"})

    def send(method: str, path: str, body: Any = None) -> Any:
        return api.generic(method, f"/api/v1/{path}", json.dumps(body), content_type="application/json").json()

    for order in (sold, bought, failed):
        check("OrderShape", send("GET", f"orders/{order.id}"))
        check("ReceiptShape", send("GET", f"orders/{order.id}/receipt"))
    check("OrderPageShape", send("GET", "orders?limit=2"))
    check("EventsShape", send("GET", f"orders/{sold.id}/events"))
    check("MarketSnapshotShape", send("GET", f"orders/{sold.id}/snapshot"))
    check("ReplayShape", send("POST", f"orders/{bought.id}/replay", {"venues": {"max_legs": 1}}))
    check("EventPageShape", send("GET", "events"))
    check("VenuesShape", send("GET", "venues"))
    check("TokensShape", send("GET", "tokens"))
    check("WalletsShape", send("GET", "wallets"))
    check("HaltsShape", send("POST", "halt", HALT))
    check("HaltsShape", send("GET", "halt"))
    check("QuoteShape", send("POST", "quotes", SWAP))
    check("DryRunOrderShape", send("POST", "orders?dry_run=true", SWAP))
    check("OrderShape", send("POST", "orders", SWAP))
    check("BatchShape", send("POST", "orders/batch", {"orders": [SWAP, REFUSED]}))
    check("TicketShape", send("POST", "ws-tickets", {}))
    check("ProblemShape", send("POST", "orders", REFUSED))
    check("ProblemShape", send("POST", "orders", {}))


def test_a_field_is_stated_once() -> None:
    """Its statement is all that the answer and the schema need."""
    account = Shape[Account]("AccountShape", "An owner.", {"name": text()})
    longer = Shape[Account](
        "AccountShape",
        "An owner.",
        {**account.fields, "letters": integer(lambda owner: len(owner.name)), "place": integer(GIVEN),
         "alias": text(lambda owner: ABSENT, optional=True)},
    )  # fmt: skip
    owner = Account(name="desk")

    assert account.render(owner) == {"name": "desk"}
    assert longer.render(owner, place=3) == {"name": "desk", "letters": 4, "place": 3}
    assert longer.schema()["properties"].keys() == {"name", "letters", "place", "alias"}
    assert longer.schema()["required"] == ["letters", "name", "place"]
    with pytest.raises(TypeError, match=r"given \[\] in place of \['place'\]"):
        longer.render(owner)
