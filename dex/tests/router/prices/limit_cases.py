"""Orders with a limit price near that of a small random market, from a seed."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

from dex.costs import Costs, FeeStrategy
from dex.router import Market
from dex.router.marginal import marginal_prices
from dex.testing import NOW, request
from dex.tests.router.cost_markets import example
from dex.types import Side, SwapRequest

LARGER: Final = (1, 10, 100)  # times an order that the market can take
NEAR: Final = (-4.0, -0.5)  # powers of ten: how far a limit is below the marginal price
FEES: Final = (-5.0, -2.5)  # powers of ten: what a swap costs, as a share of the order


class LimitCase(NamedTuple):
    """A market, an order that it may be able to take, and a limit near the marginal price."""

    market: Market
    asked: SwapRequest
    limit: Fraction

    @property
    def partly(self) -> SwapRequest:
        """The order for as much as the market gives at the limit."""
        return replace(self.asked, limit_price=self.limit, allow_partial=True)


def limit_case(seed: int, shape: str, *, is_charged: bool = False) -> LimitCase | None:
    """The same seed gives the same; None where no pools lead from one token to the other."""
    rng, made = random.Random(seed), example(seed, shape)
    order, market = made.order, Market(made.pools, NOW, 1)
    asked = request(order.token_in, order.token_out, order.amount * rng.choice(LARGER), order.side)
    price = marginal_price(market, asked)
    if not price > 0:
        return None
    limit = Fraction(price * (1 - 10 ** rng.uniform(*NEAR)))
    if is_charged:
        sold = asked.amount if asked.side is Side.EXACT_IN else int(asked.amount / price)
        cost = int(sold * 10 ** rng.uniform(*FEES))
        costs = Costs(order.token_in, per_transaction=cost // 2, other_swap=cost)
        market.costs = dict.fromkeys(FeeStrategy, costs)
    return LimitCase(market, asked, limit)


def marginal_price(market: Market, asked: SwapRequest) -> float:
    """The best one of the order's pair; 0 where there is none."""
    numbers = market.compiled.token_number
    ends = (numbers[asked.token_in], numbers[asked.token_out])
    return marginal_prices(market.compiled, [ends])[ends]
