"""A look: what is shared by equal requests, and what it keeps at most."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dex import Engine, FeeStrategy, InsufficientLiquidity, NoRoute, Side, SwapRequest
from dex.testing import FakeChain, cpmm_pool
from orders.models import Account, Token
from orders.quote_stream import look as looks
from orders.quote_stream.look import Look, NoLook, take_look

pytestmark = pytest.mark.usefixtures("account")

SOL, USDC = 10**9, 10**6
POOL = cpmm_pool("p", ("SOL", "USDC"), (10**6 * SOL, 10**8 * USDC))
REQUEST = SwapRequest("SOL", "USDC", Side.EXACT_IN, SOL, max_slippage_ppm=5_000)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain((POOL,))


@pytest.fixture
def take(chain: FakeChain, account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    engine = Engine(chain)
    monkeypatch.setattr(looks, "get_engine", lambda: engine)
    return take_look


def test_it_is_another_look_when_the_block_the_pauses_or_the_tokens_are(take: Any, chain: FakeChain) -> None:
    first = take(None)
    same = take(first)
    chain.version += 1
    block = take(same)
    chain.pools = (replace(POOL, reserves=(10**6 * SOL, 10**9 * USDC)),)  # a reorg: another block of this number
    reorg = take(block)
    Token.objects.filter(symbol="SOL").update(is_enabled=False)
    token = take(reorg)

    assert [one.number for one in (first, same, block, reorg, token)] == [1, 1, 2, 3, 4]
    assert first.routes is same.routes
    assert block.routes is not same.routes
    assert block.routes is not reorg.routes
    assert reorg.routes is token.routes


def test_equal_requests_get_one_route_and_others_their_own(take: Any) -> None:
    look = take(None)
    offers = {FeeStrategy.NORMAL: next(iter(look.prepare().values()))}

    assert look.route(REQUEST, None) is look.route(replace(REQUEST), None)
    assert look.route(REQUEST, None) is not look.route(replace(REQUEST, amount=2 * SOL), None)
    assert look.route(REQUEST, None) is not look.route(REQUEST, offers)
    assert len(look.routes) == 3


def test_it_keeps_the_newest_routes_alone(take: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MOST_ROUTES", 3)
    look = take(None)

    for amount in range(1, 11):
        look.route(replace(REQUEST, amount=amount * SOL), None)

    assert [request.amount // SOL for request, _ in look.routes] == [8, 9, 10]


def test_an_error_that_many_are_answered_does_not_grow(take: Any) -> None:
    look, none = take(None), replace(REQUEST, token_out="ETH")

    for _ in range(5):
        error = look.route(none, None)
        assert isinstance(error, (NoRoute, InsufficientLiquidity))
        with pytest.raises(type(error)):
            raise error

    assert look.route(none, None).__traceback__ is None


def test_a_chain_that_is_away_is_one_look_until_it_is_back(
    take: Any, chain: FakeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take(None)
    with monkeypatch.context() as patch:
        patch.setattr(FakeChain, "snapshot", lambda _: 1 // 0)
        away = take(first)
        still = take(away)
    back = take(still)

    assert isinstance(away, NoLook)
    assert still is away
    assert isinstance(back, Look)
    assert [one.number for one in (first, away, back)] == [1, 2, 3]
