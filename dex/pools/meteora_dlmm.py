"""Meteora DLMM: liquidity in discrete price bins, a constant sum in each, and a fee that follows volatility.

Bins above the active one hold only token X, bins below it only token Y; the active one may hold both.
Rounding follows the program step by step, so results equal its own to the last atom.
Source: https://github.com/MeteoraAg/dlmm-sdk (commons/src/extensions, commons/src/math)
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap
from dex.pools.bin_math import (
    BASIS_POINTS,
    FEE_PRECISION,
    before_fee,
    bin_cost,
    fee_within,
    fill_bin,
    float_price,
    price_q64,
)
from dex.pools.curves import Segments, concave
from dex.pools.dlmm_fees import FEE_IN_Y, FEE_ON_INPUT, DlmmFees, Volatility
from dex.types import PPM

Bin = tuple[int, int, int]  # id, atoms of X, atoms of Y


class BinWalk(NamedTuple):
    """How far an input gets: what was taken and paid, and the bins and volatility it leaves behind.

    `fee` (all of it) and `protocol_fee` (the protocol's part) are atoms of the token the fee is taken in.
    """

    consumed_in: int
    amount_out: int
    fee: int
    protocol_fee: int
    bins_touched: int
    last_index: int
    bins: list[Bin]
    volatility: Volatility


@dataclass(slots=True)
class DlmmPool:
    """A Meteora DLMM pool. `tokens` are X and Y, `bins` are sorted by id, `unclaimed` are fees outside all bins."""

    kind: ClassVar[str] = "meteora_dlmm"
    fee_moves: ClassVar[bool] = True

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    bin_step: int
    active_id: int
    fees: DlmmFees
    volatility: Volatility
    bins: tuple[Bin, ...]
    unclaimed: tuple[int, int] = (0, 0)

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`. As on the chain, an input that the bins cannot take in full is refused, not filled in part."""
        sells_x = token_in == self.tokens[0]
        walk = self.walk(sells_x, max(amount_in, 0), now)
        if walk.consumed_in < amount_in:
            raise InsufficientLiquidity(f"the bins of {self.pool_id} cannot take that much {token_in}")
        if not walk.amount_out:
            raise AmountTooSmall(f"selling so little {token_in} into {self.pool_id} pays nothing")
        return self._settle(sells_x, walk, walk.amount_out)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. The input is the least that pays enough exact-in; the surplus stays in the last bin."""
        if amount_out <= 0:
            raise AmountTooSmall(f"there is no buying {amount_out} {token_out}")
        sells_x = token_in == self.tokens[0]
        walk = self.walk(sells_x, self._least_input(sells_x, amount_out, now), now)
        return self._settle(sells_x, walk, amount_out)

    def walk(self, sells_x: bool, amount_in: int, now: int) -> BinWalk:
        """Fill bin after bin until the input or the liquidity ends."""
        fee_on_input, volatility = self._fee_on_input(sells_x), self._volatility(now)
        bins, index = list(self.bins), -1
        left, paid, fees, protocol_fees, touched = amount_in, 0, 0, 0, 0
        for index, rate in self._ahead(sells_x, volatility):
            bin_id, x, y = bins[index]
            price = price_q64(self.bin_step, bin_id)
            taken, gross_out, fee = fill_bin(price, y if sells_x else x, sells_x, left, rate, fee_on_input)
            kept = taken - fee if fee_on_input else taken
            bins[index] = (bin_id, x + kept, y - gross_out) if sells_x else (bin_id, x - gross_out, y + kept)
            left -= taken
            paid += gross_out if fee_on_input else gross_out - fee
            fees += fee
            protocol_fees += fee * self.fees.protocol_share // BASIS_POINTS
            touched += 1
            if not left:
                break
        if touched:
            accumulator = volatility.accumulator_at(bins[index][0], self.fees)
            volatility = Volatility(accumulator, *volatility[1:])
        return BinWalk(amount_in - left, paid, fees, protocol_fees, touched, index, bins, volatility)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`: the price of the first bin that can pay, after its fee."""
        sells_x = token_in == self.tokens[0]
        for index, rate in self._ahead(sells_x, self._volatility(now)):
            return float_price(self.bin_step, self.bins[index][0], sells_x) * (1 - rate / FEE_PRECISION)
        return 0.0

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: a piece for each bin, those joined along which the fee falls by more than the price."""
        sells_x = token_in == self.tokens[0]
        fee_on_input = self._fee_on_input(sells_x)
        prices, capacities = [], []
        reserve, bins, bin_step = 2 if sells_x else 1, self.bins, self.bin_step
        for index, rate in self._ahead(sells_x, self._volatility(now)):
            price, kept = float_price(bin_step, bins[index][0], sells_x), 1 - rate / FEE_PRECISION
            net = price * kept
            prices.append(net)
            capacities.append(bins[index][reserve] / (net if fee_on_input else price))
        return concave(Segments(tuple(prices), (0.0,) * len(prices), tuple(capacities)))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        for _, rate in self._ahead(token_in == self.tokens[0], self._volatility(now)):
            return rate / (FEE_PRECISION // PPM)
        return 0.0

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        token_x, token_y = self.tokens
        return {
            token_x: self.unclaimed[0] + sum(x for _, x, _ in self.bins),
            token_y: self.unclaimed[1] + sum(y for _, _, y in self.bins),
        }

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "bin_step": self.bin_step,
            "active_id": self.active_id,
            "fees": asdict(self.fees),
            "volatility": self.volatility._asdict(),
            "bins": [[bin_id, str(x), str(y)] for bin_id, x, y in self.bins],
            "unclaimed": [str(amount) for amount in self.unclaimed],
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        bins = tuple((bin_id, int(x), int(y)) for bin_id, x, y in state["bins"])
        unclaimed_x, unclaimed_y = map(int, state["unclaimed"])
        fees, volatility = DlmmFees(**state["fees"]), Volatility(**state["volatility"])
        active_id: int = state["active_id"]
        is_valid = (
            len(tokens) == 2
            and state["bin_step"] > 0
            and all(before[0] < after[0] for before, after in pairwise(bins))
            and all(x >= 0 <= y and not (x if i < active_id else y if i > active_id else 0) for i, x, y in bins)
            and all(price_q64(state["bin_step"], i) for i in (active_id, *(b[0] for b in bins[:1])))
            and min(unclaimed_x, unclaimed_y) >= 0
            and fees.collect_fee_mode in (FEE_ON_INPUT, FEE_IN_Y)
        )
        if not is_valid:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return cls(
            pool_id, venue, tokens, state["bin_step"], active_id, fees, volatility, bins, (unclaimed_x, unclaimed_y)
        )

    def _fee_on_input(self, sells_x: bool) -> bool:
        return self.fees.collect_fee_mode == FEE_ON_INPUT or not sells_x

    def _volatility(self, now: int) -> Volatility:
        return self.volatility.before_swap(self.active_id, now, self.fees)

    def _ahead(self, sells_x: bool, volatility: Volatility) -> Iterator[tuple[int, int]]:
        """Bins that can pay, nearest first: position in `bins`, and the fee rate there."""
        fees, bins, bin_step = self.fees, self.bins, self.bin_step
        if sells_x:
            positions, reserve = range(bisect_left(bins, (self.active_id + 1,)) - 1, -1, -1), 2
        else:
            positions, reserve = range(bisect_left(bins, (self.active_id,)), len(bins)), 1
        base_rate, rate_at, accumulator_at = fees.base_rate(bin_step), fees.rate, volatility.accumulator_at
        for index in positions:
            bin_ = bins[index]
            if bin_[reserve]:
                yield index, rate_at(base_rate, bin_step, accumulator_at(bin_[0], fees))

    def _least_input(self, sells_x: bool, amount_out: int, now: int) -> int:
        """The least input whose walk pays at least `amount_out`. Raises: InsufficientLiquidity."""
        fee_on_input = self._fee_on_input(sells_x)
        total, left = 0, amount_out
        for index, rate in self._ahead(sells_x, self._volatility(now)):
            bin_id, x, y = self.bins[index]
            reserve = y if sells_x else x
            net = reserve if fee_on_input else reserve - fee_within(reserve, rate)
            gross = reserve if left > net else left if fee_on_input else before_fee(left, rate)
            cost = bin_cost(price_q64(self.bin_step, bin_id), gross, sells_x)
            total += before_fee(cost, rate) if fee_on_input else cost
            if left <= net:
                return total
            left -= net
        raise InsufficientLiquidity(f"the bins of {self.pool_id} do not hold that much {self.tokens[sells_x]}")

    def _settle(self, sells_x: bool, walk: BinWalk, amount_out: int) -> Swap:
        bins, index, surplus = walk.bins, walk.last_index, walk.amount_out - amount_out
        bin_id, x, y = bins[index]
        if surplus:
            bins[index] = (bin_id, x, y + surplus) if sells_x else (bin_id, x + surplus, y)
        fees_x, fees_y = self.unclaimed
        fee_on_input = self._fee_on_input(sells_x)
        is_fee_in_x = sells_x and fee_on_input
        after = DlmmPool(
            self.pool_id,
            self.venue,
            self.tokens,
            self.bin_step,
            bin_id,
            self.fees,
            walk.volatility,
            tuple(bins),
            (fees_x + walk.fee, fees_y) if is_fee_in_x else (fees_x, fees_y + walk.fee),
        )
        fee_in, fee_out = (walk.fee, 0) if fee_on_input else (0, walk.fee)
        return Swap(walk.consumed_in, amount_out, fee_in, after, fee_out)
