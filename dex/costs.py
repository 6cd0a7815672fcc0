"""What a network charges for swaps: known with each snapshot, before a route is sought, so that routes are net."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

# The tokens that an order, or a swap, sells and buys.
TokenPair = tuple[str, str]


class FeeStrategy(StrEnum):
    """How much a transaction offers for its place in a block, beyond what every transaction pays."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Costs:
    """What one transaction of swaps costs, in atoms of the chain's native token, at the fees of a snapshot.

    `token` is the symbol of that token, under which pools or a wrapper trade it, `wrapped` that of its wrapper, empty
    where there is none. `per_swap` is what a swap in a pool of a kind (`Pool.kind`) adds, `other_swap` what it adds in
    any other. By kind too: `per_next` is what it adds instead where the router pays it with what another swap of the
    route has bought; `per_tick` what each initialised tick, or bin, that it crosses adds; `per_repeat` what it adds to
    swap once more in the same pool, on a chain that carries out some routes leg by leg (`dex.legs.repeats_of`). Limits
    are not in it: it is what is expected to be paid.
    """

    token: str
    per_transaction: int = 0
    per_swap: Mapping[str, int] = field(default_factory=dict)
    other_swap: int = 0
    per_tick: Mapping[str, int] = field(default_factory=dict)
    per_next: Mapping[str, int] = field(default_factory=dict)
    per_repeat: Mapping[str, int] = field(default_factory=dict)
    wrapped: str = ""

    @property
    def are_alike(self) -> bool:
        """Whether all swaps cost the same, so that only their number counts."""
        return not (self.per_swap or self.per_tick or self.per_next or self.per_repeat)

    def of_swap(self, kind: str, *, is_next: bool = False) -> int:
        """Atoms for a swap in a pool of this kind, without its ticks; `is_next` as the method of that name says."""
        first = self.per_swap.get(kind, self.other_swap)
        return self.per_next.get(kind, first) if is_next else first

    def is_next(self, order: TokenPair, swap: TokenPair) -> bool:
        """Whether a swap of an order's route is charged as `per_next`.

        Where the order sells the native token, so do the swaps that sell its wrapper. Wrapping and unwrapping are on
        the way unless they are all that is done.
        """
        if self.wrapped and set(swap) == {self.token, self.wrapped}:
            return swap != order
        return swap[0] != order[0] and not (order[0] == self.token and swap[0] == self.wrapped)

    def of_tick(self, kind: str) -> int:
        """Atoms for each initialised tick that a swap in a pool of this kind crosses."""
        return self.per_tick.get(kind, 0)

    def of_repeat(self, kind: str) -> int:
        """Atoms for each further swap in the same pool of this kind."""
        return self.per_repeat.get(kind, 0)


class NetworkFee(NamedTuple):
    """What a route is expected to cost: `amount` atoms of the native `token`.

    `value` is that in atoms of the side of the order that is not fixed, at what the pools would give for it; None
    where no pools lead there.
    """

    token: str
    amount: int
    value: int | None
