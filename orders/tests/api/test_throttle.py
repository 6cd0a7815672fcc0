"""Requests that a key may send per minute: counted, told in headers, and free while Redis is away."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from orders.models import Account, Token
from orders.notify.breaker import hints, redis_client
from orders.tests.http_client import Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tokens")]

Drive = Callable[..., None]


@pytest.fixture(autouse=True)
def values(tokens: None) -> None:
    Token.objects.filter(symbol="SOL").update(value=100 * 10**12)
    Token.objects.filter(symbol="USDC").update(value=10**12)


@pytest.fixture
def still_clock(monkeypatch: Any) -> None:
    """No minute ends while a test counts."""
    monkeypatch.setattr("orders.api.throttles.time", SimpleNamespace(time=lambda: 1_000_000_020.0))


@pytest.mark.usefixtures("still_clock")
def test_a_key_may_ask_so_often_a_minute(account: Account) -> None:
    api, other = Api(account, rate_per_minute=3), Api(account, rate_per_minute=3)

    answers = [api.ask("GET", "tokens") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"key";q=3;w=60'] * 4
    assert [answer["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert all(1 <= int(answer["RateLimit"].split("t=")[1]) <= 60 for answer in answers)
    assert answers[3].json()["code"] == "throttled"
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    assert other.ask("GET", "tokens").status_code == 200


@pytest.mark.usefixtures("still_clock")
def test_a_window_ends(account: Account, monkeypatch: Any) -> None:
    api = Api(account, rate_per_minute=1)
    assert [api.ask("GET", "tokens").status_code for _ in range(2)] == [200, 429]

    assert [0 < redis_client().ttl(name) <= 120 for name in redis_client().keys("rate:*")] == [True]
    monkeypatch.setattr("orders.api.throttles.time", SimpleNamespace(time=lambda: 1_000_000_080.0))

    assert api.ask("GET", "tokens").status_code == 200


@pytest.mark.parametrize(("own", "default", "is_counted"), [(None, 0, False), (0, 5, False), (None, 5, True)])
def test_no_number_means_the_default_and_zero_means_any(
    account: Account, settings: Any, own: int | None, default: int, is_counted: bool
) -> None:
    settings.RATE_PER_MINUTE = default

    answer = Api(account, rate_per_minute=own).ask("GET", "tokens")

    assert answer.has_header("RateLimit") is is_counted


def test_without_redis_everybody_passes_and_it_is_logged(
    account: Account, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(account, rate_per_minute=1)

    def away() -> Any:
        raise ConnectionError("gone")

    monkeypatch.setattr("orders.api.throttles.redis_client", away)
    monkeypatch.setattr(hints, "_probe", lambda: None)

    answers = [api.ask("GET", "tokens") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert "Redis is away" in caplog.text
    monkeypatch.setattr(hints, "_open_in_pid", None)
