"""Balancer V2 weighted pools: the product of balances, each to the power of its weight, stays; n coins.

Rounding follows the first deployment (April 2021) step by step, so results equal its own to the last atom.
Source: https://github.com/balancer/balancer-v2-monorepo (pkg/pool-weighted/contracts/WeightedMath.sol)
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap
from dex.pools.curves import PowerCurve
from dex.pools.kinds.balancer_weighted.fixed_point import ONE, div_up, mul_up, power_up
from dex.types import PPM

MAX_DECIMALS = 18
MAX_COINS = 8
# The contract's MAX_IN_RATIO and MAX_OUT_RATIO: 30 % of the balance.
RATIO_LIMIT = (3, 10)

_TO_18_DECIMALS = tuple(10 ** (MAX_DECIMALS - decimals) for decimals in range(MAX_DECIMALS + 1))


@dataclass(slots=True)
class WeightedPool:
    """A weighted pool. `decimals`, `weights` and `reserves` are in the order of `tokens`.

    `weights` and `swap_fee` have 18 decimals. The fee is taken from the input and stays in the reserves.
    `has_ratio_limits` is False for a pool whose swaps may pass 30 % of a balance, as no deployed one does.
    """

    kind: ClassVar[str] = "balancer_weighted"

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    decimals: tuple[int, ...]
    weights: tuple[int, ...]
    swap_fee: int
    reserves: tuple[int, ...]
    has_ratio_limits: bool = True

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`. The error margin of the power may leave nothing of an amount below 1e-14 of the balance."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        fee = mul_up(amount_in, self.swap_fee)
        net_in = (amount_in - fee) * _TO_18_DECIMALS[self.decimals[i]]
        balance_in = self.reserves[i] * _TO_18_DECIMALS[self.decimals[i]]
        balance_out = self.reserves[j] * _TO_18_DECIMALS[self.decimals[j]]
        if self.has_ratio_limits and net_in > balance_in * RATIO_LIMIT[0] // RATIO_LIMIT[1]:
            raise InsufficientLiquidity(f"{self.pool_id} takes no more than 30 % of its {token_in} at once")
        amount_out = 0
        if net_in > 0:
            ratio = self._power(div_up(balance_in, balance_in + net_in), self.weights[i] * ONE // self.weights[j])
            amount_out = balance_out * (ONE - ratio) // ONE // _TO_18_DECIMALS[self.decimals[j]]
        if amount_out <= 0:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return Swap(amount_in, amount_out, fee, self._after(i, j, amount_in, amount_out))

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. Powers err against the trader both ways: the same input sold exact-in may pay less than this."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        balance_out = self.reserves[j]
        most = balance_out * RATIO_LIMIT[0] // RATIO_LIMIT[1] if self.has_ratio_limits else balance_out - 1
        if amount_out > most:
            raise InsufficientLiquidity(f"{self.pool_id} does not sell that much {token_out} at once")
        ratio = self._power(div_up(balance_out, balance_out - amount_out), div_up(self.weights[j], self.weights[i]))
        scale_in = _TO_18_DECIMALS[self.decimals[i]]
        net_in = -(-mul_up(self.reserves[i] * scale_in, ratio - ONE) // scale_in)
        amount_in = div_up(net_in, ONE - self.swap_fee)
        return Swap(amount_in, amount_out, amount_in - net_in, self._after(i, j, amount_in, amount_out))

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        price = self.reserves[j] / self.reserves[i] * (self.weights[i] / self.weights[j])
        return price * (1 - self.swap_fee / ONE)

    def curve(self, token_in: str, token_out: str, now: int) -> PowerCurve:
        """See `Pool`."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        depth = self.reserves[i] / (1 - self.swap_fee / ONE)
        curve = PowerCurve(depth, float(self.reserves[j]), self.weights[i] / self.weights[j])
        if self.has_ratio_limits:
            most = RATIO_LIMIT[0] / RATIO_LIMIT[1]
            bought_out = (1 - most) ** (-1 / curve.exponent) - 1
            return curve._replace(capacity=depth * most, capacity_to_buy=depth * min(most, bought_out))
        return curve

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return self.swap_fee / (ONE // PPM)

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        return dict(zip(self.tokens, self.reserves, strict=True))

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "decimals": list(self.decimals),
            "weights": [str(weight) for weight in self.weights],
            "swap_fee": str(self.swap_fee),
            "reserves": [str(amount) for amount in self.reserves],
            "has_ratio_limits": self.has_ratio_limits,
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        pool = cls(
            pool_id,
            venue,
            tokens,
            tuple(state["decimals"]),
            tuple(map(int, state["weights"])),
            int(state["swap_fee"]),
            tuple(map(int, state["reserves"])),
            state["has_ratio_limits"],
        )
        is_valid = (
            2 <= len(tokens) == len(set(tokens)) <= MAX_COINS
            and len(pool.decimals) == len(pool.weights) == len(pool.reserves) == len(tokens)
            and all(0 <= decimals <= MAX_DECIMALS for decimals in pool.decimals)
            and min(pool.weights) > 0 < min(pool.reserves)
            and 0 <= pool.swap_fee < ONE
        )
        if not is_valid:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return pool

    def _power(self, base: int, exponent: int) -> int:
        try:
            return power_up(base, exponent)
        except OverflowError as error:
            raise InsufficientLiquidity(f"the amount is too large for {self.pool_id}") from error

    def _after(self, i: int, j: int, amount_in: int, amount_out: int) -> "WeightedPool":
        reserves = list(self.reserves)
        reserves[i] += amount_in
        reserves[j] -= amount_out
        return WeightedPool(
            self.pool_id,
            self.venue,
            self.tokens,
            self.decimals,
            self.weights,
            self.swap_fee,
            tuple(reserves),
            self.has_ratio_limits,
        )
