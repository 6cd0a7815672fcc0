"""Explanations for tests: of orders that are stored nowhere, and what is so of all of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from orders.models import Order
from orders.presentation.execution import Execution
from orders.presentation.explanation import EXPLANATION, Around, Explained
from orders.presentation.history import read_history
from orders.tests.factories import terms

NOW = datetime(2026, 11, 30, 20, tzinfo=UTC)


def explained(order: Order, waiting_for: str | None = None, around: Around | None = None) -> dict[str, Any]:
    """Without a database."""
    execution = Execution(order, read_history([]), ())
    return EXPLANATION.render(Explained(execution, waiting_for, around or Around(NOW)))


def made(**columns: Any) -> Order:
    """An order that is stored nowhere."""
    values: dict[str, Any] = {
        "chain_id": "simulated", "order_type": "market", "side": "exact_in", "token_in": "SOL", "token_out": "USDC",
        "decimals_in": 9, "decimals_out": 6, "amount": 10**9, "terms": terms().terms, "status": "PENDING",
        "created_at": NOW, "updated_at": NOW, "due_at": NOW, "native_token": "SOL", "native_decimals": 9,
    }  # fmt: skip
    return Order(**{**values, **columns})


def codes(sentences: list[dict[str, Any]]) -> list[str]:
    return [sentence["code"] for sentence in sentences]


def by_code(told: dict[str, Any], section: str, code: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [sentence for sentence in told[section] if sentence["code"] == code]
    return found


def whole(told: dict[str, Any]) -> Iterator[str]:
    """Every text, each a sentence."""
    for section in ("route", "waiting", "attempts", "ending", "next"):
        yield from (sentence["text"] for sentence in told[section])


def check(told: dict[str, Any]) -> None:
    """What is so of every explanation."""
    assert bool(told["waiting"]) == (told["outcome"] is None)
    assert bool(told["ending"]) == (told["outcome"] is not None)
    assert told["next"]
    assert told["route"]
    for text in whole(told):
        assert text.endswith(".")
        assert "None" not in text
        assert ".." not in text.replace("…", "")
        assert text[0].isupper() or not text[0].isalpha()
