"""`manage.py seed` posts what the engine's own chain can trade, and spends real money only when told how much."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dex import Engine
from dex.chains.evm.local.world import World
from dex.chains.simulated.kind import DEMO_ORDERS
from orders.cli.client import EngineClient
from orders.cli.seeding import orders_for
from orders.models import Token
from orders.presentation.market import venues_json
from orders.selectors import token_decimals

POOLS = [
    {"reserves": {"USDC": "2000000.123456", "WETH": "700.5"}},
    {"reserves": {"USDC": "900000", "WETH": "300"}},
    {"reserves": {"WBTC": "31.123", "WETH": "1000"}},
    {"reserves": {"GONE": "5", "WETH": "1000"}},
]
NATIVE = [{"reserves": {"ETH": "1000000000000", "WETH": "1000000000000"}}]
TOKENS = [
    {"symbol": symbol, "decimals": decimals}
    for symbol, decimals in {"USDC": 6, "WETH": 18, "WBTC": 8, "ETH": 18}.items()
]


def offer(*, chain: str = "eip155:8453", moves_real_money: bool = False) -> dict[str, Any]:
    venues = [{"venue": "uniswap_v2", "pools": POOLS}, {"venue": "wrapping", "pools": NATIVE}]
    return {"chain": chain, "moves_real_money": moves_real_money, "results": venues}


def swaps(wanted: Any) -> list[tuple[str, str, str]]:
    return [(body["token_in"], body["token_out"], body["amount"]) for body, _ in wanted]


def test_amounts_are_a_small_part_of_the_deepest_pool() -> None:
    assert swaps(orders_for(offer(), TOKENS, None)) == [
        ("USDC", "WETH", "1000"),
        ("WETH", "WBTC", "0.500"),
        ("WETH", "USDC", "0.350"),
        ("WBTC", "WETH", "0.0155"),
    ]


def test_the_simulated_chain_keeps_its_story() -> None:
    assert orders_for(offer(chain="simulated"), TOKENS, None) == DEMO_ORDERS


def test_real_money_is_spent_only_as_much_as_somebody_said() -> None:
    with pytest.raises(CommandError, match="--spend TOKEN=AMOUNT"):
        orders_for(offer(moves_real_money=True), TOKENS, None)

    assert swaps(orders_for(offer(moves_real_money=True), TOKENS, "WETH=0.01")) == [
        ("WETH", "USDC", "0.01"),
        ("WETH", "WBTC", "0.01"),
    ]


@pytest.mark.parametrize("spend", ["WETH", "WETH=", "DOGE=1", "=1"])
def test_what_cannot_be_spent_is_refused(spend: str) -> None:
    with pytest.raises(CommandError):
        orders_for(offer(moves_real_money=True), TOKENS, spend)


@pytest.mark.parametrize("options", [{}, {"scenario": "slippage", "spend": "WETH=1"}])
def test_a_refusal_posts_nothing(monkeypatch: pytest.MonkeyPatch, options: dict[str, str]) -> None:
    asked = []

    def call(client: EngineClient, method: str, path: str, body: Any = None) -> Any:
        asked.append((method, path))
        return {"venues": offer(moves_real_money=True), "tokens": {"results": TOKENS}}[path]

    monkeypatch.setattr(EngineClient, "call", call)

    with pytest.raises(CommandError):
        call_command("seed", **options)

    assert asked == [("GET", "venues"), ("GET", "tokens")]


@pytest.mark.chain
@pytest.mark.django_db
def test_every_order_for_the_local_chain_has_a_route(world: World) -> None:
    from dex import Quote, Side, SwapRequest
    from orders.amounts import parse_units

    engine = Engine(world.chain())
    tokens = {token.symbol: token.decimals for token in engine.chain.tokens()}
    Token.objects.bulk_create(Token(symbol=name, name=name, decimals=decimals) for name, decimals in tokens.items())
    listed = [{"symbol": name, "decimals": decimals} for name, decimals in tokens.items()]
    local = venues_json(engine, token_decimals(), moves_real_money=False)

    wanted = swaps(orders_for(local, listed, None))

    requests = [SwapRequest(a, b, Side.EXACT_IN, parse_units(amount, tokens[a]), 5_000) for a, b, amount in wanted]
    quotes = engine.route(requests)
    assert len(wanted) == 5
    assert [quote for quote in quotes if not isinstance(quote, Quote)] == []
    assert all(quote.price_impact_ppm < 2_000 for quote in quotes if isinstance(quote, Quote))
