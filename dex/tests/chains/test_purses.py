"""What a process remembers of wallets' holdings: it may save a look, and never tells of what is old or short."""

import time

import pytest

from dex.chains.simulated import purses
from dex.chains.simulated.purses import MARGIN, MOST_WALLETS, Purses


def test_only_plenty_that_was_seen_just_now_is_told() -> None:
    known, now = Purses(), time.monotonic()

    assert known.ample({"a": 1}) is None  # never seen, and wanted from now on
    assert list(known.wanted) == ["a"]
    known.note({"a": MARGIN * 10, "b": 0}, now)
    assert known.ample({"a": 10}) == {"a": MARGIN * 10}
    assert known.ample({"a": 11}) is None
    assert known.ample({"a": 10, "b": 1}) is None
    assert known.ample({"c": 0}) is None


def test_what_is_old_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Purses()
    known.note({"a": 10**9}, time.monotonic())
    assert known.ample({"a": 1}) == {"a": 10**9}

    monkeypatch.setattr(purses, "FRESH_S", -1.0)

    assert known.ample({"a": 1}) is None


def test_the_wallets_that_were_asked_about_last_are_followed() -> None:
    known = Purses()

    for n in range(MOST_WALLETS + 5):
        known.ample({f"wallet-{n}": 1})
    known.ample({f"wallet-{n}": 1 for n in (7, 8)})

    assert len(known.wanted) == MOST_WALLETS
    assert known.ample({"wallet-3": 1}) is None
    assert next(iter(known.wanted)) == "wallet-3"
