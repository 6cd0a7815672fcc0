"""A route through the routers of several V2 factories: calls that a wallet makes one after the other, all or none.

What a call pays waits where the next one takes it: in the chain's own router, or in the pair of a fork that sells it,
whose router then sells all that the pair was given. So no amount on the way is fixed beforehand, the wallet never
holds any of it, the last call alone enforces the order's minimum, and no fork needs an allowance.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dex.chains.evm.abi import contracts
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.swaps.plan import Step, steps_of
from dex.chains.evm.swaps.router_calls import sell_call, unwrapped
from dex.chains.evm.swaps.wrapping import Native
from dex.types import Route, Side, SwapIntent


class BatchCall(NamedTuple):
    """One call of a batch: whom, with how many native atoms, and its bytes."""

    target: str
    value: int
    data: bytes


def needs_batch(route: Route, facts: Mapping[str, PoolFacts]) -> bool:
    """Whether a fork's pairs are among its pools."""
    return any(hop.pool_id in facts and facts[hop.pool_id].router for hop in route.hops)


def swap_batch(
    intent: SwapIntent, facts: Mapping[str, PoolFacts], native: Native, router: str
) -> tuple[BatchCall, ...]:
    """The calls of a route; `router` is the chain's own. A purchase sells what was planned, for at least its amount.

    Raises: BroadcastRejected.
    """
    route, is_native_in, is_native_out = unwrapped(intent.route, native)
    steps = steps_of(route, facts)
    least = intent.min_amount_out if intent.side is Side.EXACT_IN else intent.route.amount_out
    is_direct = not is_native_out and sum(step.is_last for step in steps) == 1
    calls = _Calls(router, intent.deadline)
    for number, step in enumerate(steps):
        to = _taker(step, steps[number + 1 :], intent.wallet if is_direct else router, router)
        minimum = least if is_direct and step.is_last else 0
        value = step.amount_in if step.is_first and is_native_in else 0
        if step.router:
            calls.add_fork(step, to, minimum, value)
        else:
            calls.add_own(sell_call(step, to, minimum), value)
    if is_native_out:
        calls.add_own(contracts.UNWRAP.call(least, intent.wallet))
    elif not is_direct:
        calls.add_own(contracts.SWEEP.call(steps[-1].addresses[-1], least, intent.wallet))
    return calls.all()


def _taker(step: Step, later: Sequence[Step], end: str, router: str) -> str:
    """The address that gets what the step pays: `end` at the end of the route, else the one that sells it next."""
    if step.is_last:
        return end
    seller = next(item for item in later if item.addresses[0] == step.addresses[-1])
    return seller.pools[0].address if seller.router else router


class _Calls:
    """Collects the calls; those of the chain's own router that follow each other are one."""

    def __init__(self, router: str, deadline: int) -> None:
        self._router = router
        self._deadline = deadline
        self._calls: list[BatchCall] = []
        self._own: list[bytes] = []
        self._value = 0

    def add_own(self, data: bytes, value: int = 0) -> None:
        """A call of the chain's own router."""
        self._own.append(data)
        self._value += value

    def add_fork(self, step: Step, to: str, minimum: int, value: int) -> None:
        """A step through a fork's pairs; the wallet gives its first pair what the step begins with."""
        pair, token = step.pools[0].address, step.addresses[0]
        if value:
            self.add_own(contracts.WRAP.call(value), value)
            self.add_own(contracts.SWEEP.call(token, value, pair))
        self._close()
        if step.is_first and not value:
            self._calls.append(BatchCall(token, 0, contracts.TRANSFER_TO.call(pair, step.amount_in)))
        data = contracts.SELL_GIVEN_V2.call(0, minimum, step.addresses, to, self._deadline)
        self._calls.append(BatchCall(step.router, 0, data))

    def all(self) -> tuple[BatchCall, ...]:
        """All calls, in order."""
        self._close()
        return tuple(self._calls)

    def _close(self) -> None:
        if self._own:
            data = contracts.MULTICALL.call(self._deadline, self._own)
            self._calls.append(BatchCall(self._router, self._value, data))
            self._own, self._value = [], 0
