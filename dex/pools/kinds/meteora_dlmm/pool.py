"""Meteora DLMM: liquidity in discrete price bins, a constant sum in each, and a fee that follows volatility.

Limit orders may wait in a bin behind its liquidity (see orders.py). Bins above the active one hold only token X,
bins below it only token Y; the active one may hold both.
Rounding follows the program step by step, so results equal its own to the last atom.
Source: https://github.com/MeteoraAg/dlmm-sdk (commons/src/extensions, commons/src/math)
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from operator import truediv
from typing import Any, ClassVar, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap
from dex.pools.curves import Segments, concave
from dex.pools.kinds.meteora_dlmm.fees import FEE_IN_Y, FEE_ON_INPUT, DlmmFees, Volatility
from dex.pools.kinds.meteora_dlmm.orders import BinOrders, gross_cost, protocol_part, sell_in_layers
from dex.pools.math.bins import FEE_PRECISION, fill_bin, float_price, price_q64
from dex.types import PPM

Bin = tuple[int, int, int]  # id, atoms of X, atoms of Y


class BinWalk(NamedTuple):
    """How far a swap gets: what was taken and paid, and the bins, limit orders and volatility it leaves behind.

    `fee` (all of it) and `protocol_fee` (the protocol's part) are atoms of the token the fee is taken in, `order_in`
    atoms of the input that belong to owners of limit orders.
    """

    amount_in: int
    amount_out: int
    fee: int
    protocol_fee: int
    order_in: int
    bins_touched: int
    last_index: int
    bins: list[Bin]
    orders: tuple[BinOrders, ...]
    volatility: Volatility


@dataclass(slots=True)
class DlmmPool:
    """A Meteora DLMM pool. `tokens` are X and Y, `bins` are sorted by id.

    `orders` are limit orders that swaps may fill, sorted by bin, each in one of `bins`; a pair whose function type or
    rewards exclude them has none. `unclaimed` is what lies in no bin: fees, and what filled orders have earned.
    """

    kind: ClassVar[str] = "meteora_dlmm"

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    bin_step: int
    active_id: int
    fees: DlmmFees
    volatility: Volatility
    bins: tuple[Bin, ...]
    unclaimed: tuple[int, int] = (0, 0)
    orders: tuple[BinOrders, ...] = ()

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`. As on the chain, an input that the bins cannot take in full is refused, not filled in part."""
        sells_x = token_in == self.tokens[0]
        walk = self.walk(sells_x, max(amount_in, 0), now)
        if walk.amount_in < amount_in:
            raise InsufficientLiquidity(f"the bins of {self.pool_id} cannot take that much {token_in}")
        if not walk.amount_out:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return self._settle(sells_x, walk, walk.amount_out)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. Each bin is bought for the least input that pays enough; the surplus stays in the last bin."""
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        sells_x = token_in == self.tokens[0]
        walk = self.walk(sells_x, amount_out, now, is_exact_in=False)
        if walk.amount_out < amount_out:
            raise InsufficientLiquidity(f"the bins of {self.pool_id} do not hold that much {token_out}")
        return self._settle(sells_x, walk, amount_out)

    def walk(self, sells_x: bool, amount: int, now: int, *, is_exact_in: bool = True) -> BinWalk:
        """Fill bin after bin until the amount, of the input or of the output, or the liquidity ends."""
        fee_on_input, volatility, share = self._fee_on_input(sells_x), self._volatility(now), self.fees.protocol_share
        bins, orders, bin_step = list(self.bins), self._orders_ahead(sells_x), self.bin_step
        left, taken, paid, fees, protocol_fees, order_in, touched, last = amount, 0, 0, 0, 0, 0, 0, -1
        filled: dict[int, BinOrders] = {}
        for last, rate in self._ahead(sells_x, volatility, orders):
            bin_id, x, y = bins[last]
            price, reserve, waiting = price_q64(bin_step, bin_id), y if sells_x else x, orders.get(bin_id)
            offered = left if is_exact_in else gross_cost(price, reserve, waiting, sells_x, left, rate, fee_on_input)
            if waiting is None:
                part_in, gross_out, fee = fill_bin(price, reserve, sells_x, offered, rate, fee_on_input)
                net = kept = part_in - fee if fee_on_input else part_in
                sold = gross_out
            else:
                fill, kept, sold = sell_in_layers(price, reserve, waiting, sells_x, offered, rate, fee_on_input)
                part_in, gross_out, fee = fill
                net = part_in - fee if fee_on_input else part_in
            out = gross_out if fee_on_input else gross_out - fee
            touched += 1
            if not (out or is_exact_in):  # the fee is all that the bin holds: exact out passes it by
                continue
            if waiting is not None:
                filled[bin_id] = waiting.after(gross_out - sold)
            bins[last] = (bin_id, x + kept, y - sold) if sells_x else (bin_id, x - sold, y + kept)
            taken, paid, fees, order_in = taken + part_in, paid + out, fees + fee, order_in + net - kept
            protocol_fees += protocol_part(fee, kept, net, share)
            left = amount - (taken if is_exact_in else paid)
            if left <= 0:
                break
        if touched:
            volatility = volatility._replace(volatility_accumulator=volatility.accumulator_at(bins[last][0], self.fees))
        remaining = tuple(after for item in self.orders if (after := filled.get(item.bin_id, item)).total)
        return BinWalk(taken, paid, fees, protocol_fees, order_in, touched, last, bins, remaining, volatility)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`: the price of the first bin that can pay, after its fee."""
        sells_x = token_in == self.tokens[0]
        for index, rate in self._ahead(sells_x, self._volatility(now), self._orders_ahead(sells_x)):
            return float_price(self.bin_step, self.bins[index][0], sells_x) * (1 - rate / FEE_PRECISION)
        return 0.0

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: a segment for each bin, those joined along which the fee falls by more than the price."""
        sells_x = token_in == self.tokens[0]
        orders, bins = self._orders_ahead(sells_x) if self.orders else {}, self.bins
        if sells_x:
            ahead, side = bins[: bisect_left(bins, (self.active_id + 1,))][::-1], 2
        else:
            ahead, side = bins[bisect_left(bins, (self.active_id,)) :], 1
        held = [bin_ for bin_ in ahead if bin_[side] or bin_[0] in orders]
        if not held:
            return Segments((), (), ())
        ids, amounts = tuple([bin_[0] for bin_ in held]), [bin_[side] for bin_ in held]
        if orders:
            amounts = [held + (orders[i].total if i in orders else 0) for held, i in zip(amounts, ids, strict=True)]
        ladder = _ladder(self.bin_step, ids, self.fees, self._references(now), sells_x)
        units = ladder.net if self._fee_on_input(sells_x) else ladder.gross
        curve = Segments(ladder.net, (0.0,) * len(ids), tuple(map(truediv, amounts, units)))
        return curve if ladder.is_falling else concave(curve)

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        sells_x = token_in == self.tokens[0]
        for _, rate in self._ahead(sells_x, self._volatility(now), self._orders_ahead(sells_x)):
            return rate / (FEE_PRECISION // PPM)
        return 0.0

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`: where it follows volatility, until that has settled."""
        return bool(self.fees.variable_fee_control) and self._references(before) != self._references(now)

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        token_x, token_y = self.tokens
        asks, bids = (sum(item.total for item in self.orders if item.is_ask is side) for side in (True, False))
        return {
            token_x: self.unclaimed[0] + sum(x for _, x, _ in self.bins) + asks,
            token_y: self.unclaimed[1] + sum(y for _, _, y in self.bins) + bids,
        }

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "bin_step": self.bin_step,
            "active_id": self.active_id,
            "fees": dict(_fees_json(self.fees)),
            "volatility": self.volatility._asdict(),
            "bins": [[bin_id, str(x), str(y)] for bin_id, x, y in self.bins],
            "unclaimed": [str(amount) for amount in self.unclaimed],
            "orders": [[bin_id, is_ask, str(first), str(later)] for bin_id, is_ask, first, later in self.orders],
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`. Without `orders` there are none; their bins need not be among `bins` where those are empty."""
        orders = tuple(
            BinOrders(i, is_ask, int(first), int(later)) for i, is_ask, first, later in state.get("orders", ())
        )
        bins = _with_bins_of(orders, tuple((bin_id, int(x), int(y)) for bin_id, x, y in state["bins"]))
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
            and all(before.bin_id < after.bin_id for before, after in pairwise(orders))
            and all(isinstance(is_ask, bool) and min(first, later) >= 0 for _, is_ask, first, later in orders)
            and fees.collect_fee_mode in (FEE_ON_INPUT, FEE_IN_Y)
        )
        if not is_valid:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        unclaimed = unclaimed_x, unclaimed_y
        return cls(pool_id, venue, tokens, state["bin_step"], active_id, fees, volatility, bins, unclaimed, orders)

    def _fee_on_input(self, sells_x: bool) -> bool:
        return self.fees.collect_fee_mode == FEE_ON_INPUT or not sells_x

    def _volatility(self, now: int) -> Volatility:
        return self.volatility.before_swap(self.active_id, now, self.fees)

    def _references(self, now: int) -> tuple[int, int]:
        """What of the volatility decides on fees."""
        volatility = self._volatility(now)
        return volatility.volatility_reference, volatility.index_reference

    def _orders_ahead(self, sells_x: bool) -> dict[int, BinOrders]:
        """Limit orders on the side that pays, by bin."""
        return {item.bin_id: item for item in self.orders if item.is_ask is not sells_x and item.total}

    def _ahead(self, sells_x: bool, volatility: Volatility, orders: dict[int, BinOrders]) -> Iterator[tuple[int, int]]:
        """Bins that can pay, nearest first: position in `bins`, and the fee rate there."""
        fees, bins, bin_step = self.fees, self.bins, self.bin_step
        if sells_x:
            positions, reserve = range(bisect_left(bins, (self.active_id + 1,)) - 1, -1, -1), 2
        else:
            positions, reserve = range(bisect_left(bins, (self.active_id,)), len(bins)), 1
        base_rate, rate_at, accumulator_at = fees.base_rate(bin_step), fees.rate, volatility.accumulator_at
        for index in positions:
            bin_ = bins[index]
            if bin_[reserve] or bin_[0] in orders:
                yield index, rate_at(base_rate, bin_step, accumulator_at(bin_[0], fees))

    def _settle(self, sells_x: bool, walk: BinWalk, amount_out: int) -> Swap:
        bins, index, surplus = walk.bins, walk.last_index, walk.amount_out - amount_out
        bin_id, x, y = bins[index]
        if surplus:
            bins[index] = (bin_id, x, y + surplus) if sells_x else (bin_id, x + surplus, y)
        fee_on_input = self._fee_on_input(sells_x)
        in_x = (walk.order_in if sells_x else 0) + (walk.fee if sells_x and fee_on_input else 0)
        in_y = walk.order_in + walk.fee - (in_x if sells_x else 0)
        after = DlmmPool(
            self.pool_id,
            self.venue,
            self.tokens,
            self.bin_step,
            bin_id,
            self.fees,
            walk.volatility,
            tuple(bins),
            (self.unclaimed[0] + in_x, self.unclaimed[1] + in_y),
            walk.orders,
        )
        fee_in, fee_out = (walk.fee, 0) if fee_on_input else (0, walk.fee)
        return Swap(walk.amount_in, amount_out, fee_in, after, fee_out)


class _Ladder(NamedTuple):
    """Prices of bins in the order in which a swap comes to them, before and after the fee; whether the latter fall."""

    gross: tuple[float, ...]
    net: tuple[float, ...]
    is_falling: bool


@lru_cache(maxsize=1 << 9)
def _ladder(bin_step: int, ids: tuple[int, ...], fees: DlmmFees, references: tuple[int, int], sells_x: bool) -> _Ladder:
    """Kept, since trades seldom move a pool to another bin. `references` are those of its volatility."""
    volatility, base_rate = Volatility(0, *references, 0), fees.base_rate(bin_step)
    gross = tuple(float_price(bin_step, bin_id, sells_x) for bin_id in ids)
    rates = (fees.rate(base_rate, bin_step, volatility.accumulator_at(bin_id, fees)) for bin_id in ids)
    net = tuple(price * (1 - rate / FEE_PRECISION) for price, rate in zip(gross, rates, strict=True))
    return _Ladder(gross, net, all(after <= before for before, after in pairwise(net)))


def _with_bins_of(orders: tuple[BinOrders, ...], bins: tuple[Bin, ...]) -> tuple[Bin, ...]:
    """The bins, with empty ones where there are limit orders and nothing else."""
    missing = {item.bin_id for item in orders} - {bin_[0] for bin_ in bins}
    return tuple(sorted([*bins, *((bin_id, 0, 0) for bin_id in missing)])) if missing else bins


# A pool's settings hardly ever change, and what `asdict` copies takes longer than all the rest of a state.
@lru_cache(256)
def _fees_json(fees: DlmmFees) -> dict[str, Any]:
    return asdict(fees)
