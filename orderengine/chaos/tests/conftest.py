"""Fixtures of the harness's own tests: workers without messages, on a chain whose supply must stay the same."""

from collections.abc import Iterator
from typing import Any

import pytest

from orderengine.chaos.tests.workers import new_engine
from orders.models import Token


@pytest.fixture
def all_messages_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is woken and nothing is pushed: the rows alone must do."""
    for name in ("orders.pipeline.loop.wake", "orders.pipeline.loop.push_news"):
        monkeypatch.setattr(name, lambda *_: None)
    for name in ("orders.services.place.wake", "orders.pipeline.parents.rows.wake"):
        monkeypatch.setattr(name, lambda *_: None)
    monkeypatch.setattr("orders.services.place.begin_waking", lambda *_: lambda: None)
    monkeypatch.setattr("orders.services.cancel.push_events", lambda *_: None)


@pytest.fixture
def supply_kept(db: None) -> Iterator[None]:
    """A chain with its tokens registered, whose supply is the same at the end."""
    engine = new_engine()
    Token.objects.bulk_create(
        Token(symbol=token.symbol, name=token.name, decimals=token.decimals) for token in engine.chain.tokens()
    )
    engine.chain.snapshot()
    before = supply()
    yield
    assert supply() == before


def supply() -> dict[str, int]:
    chain: Any = new_engine().chain
    held: dict[str, int] = chain.store.total_supply()
    return held
