"""A chain in memory on which pools appear, with a pass and a worker beside it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import F

from dex import ChainUnavailable, Engine, Pool
from dex.chains.base import Snapshot
from dex.testing import FakeChain, cpmm_pool
from dex.testing.constants import NOW
from orders.config import Policy
from orders.models import Heartbeat, Order, OrderEvent, SeenPool
from orders.terms import NewOrder
from orders.tests.waiting.market import CHAIN, Market, typed

# Its statuses while it waits, and once it has fired.
PENDING = ["PENDING"]
FILLED = ["PENDING", "PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
SOL, USDC = 10**9, 10**6
OLD = cpmm_pool("old", ("SOL", "USDC"), (1_000_000 * SOL, 100_000_000 * USDC))


@dataclass(slots=True)
class Birthplace(FakeChain):
    """It may be away, and say nothing of its pools' births."""

    is_away: bool = False

    def snapshot(self) -> Snapshot:
        """See `Chain`."""
        if self.is_away:
            raise ChainUnavailable("no answer")
        # The base is a slotted dataclass, which `super()` without arguments does not find.
        return FakeChain.snapshot(self)


@dataclass(slots=True)
class Registry(Birthplace):
    """A chain that dates its pools."""

    born: dict[str, int] = field(default_factory=dict)
    knows: bool = True
    asked: list[tuple[list[str], int]] = field(default_factory=list)
    sought: int = 0

    def seek_pools(self) -> None:
        """See `DatesPools`."""
        self.sought += 1

    def births(self, pool_ids: Collection[str], since: int) -> Mapping[str, int]:
        """See `DatesPools`."""
        if not self.knows:
            raise ChainUnavailable("no answer")
        self.asked.append((sorted(pool_ids), since))
        return {name: at for name in pool_ids if (at := self.born.get(name)) is not None and at >= since}


class Launchpad(Market):
    """The market of one old pool, SOL at 100 USDC; others are added."""

    chain: Birthplace

    def __init__(self, policy: Policy, chain: Birthplace) -> None:
        chain.pools = (OLD,)
        self.chain = chain
        self.engine = Engine(chain)
        self.policy = policy

    def open(self, *pools: Pool, age_s: int | None = None) -> None:
        """In the next block; `age_s` is what the chain says of it, where it says that."""
        self.chain.pools = (*(pool for pool in self.chain.pools if pool.pool_id not in _ids(pools)), *pools)
        self.chain.version += 1
        if age_s is not None:
            assert isinstance(self.chain, Registry)
            self.chain.born |= {pool.pool_id: NOW - age_s for pool in pools}


def _ids(pools: Collection[Pool]) -> set[str]:
    return {pool.pool_id for pool in pools}


def pool(name: str = "new", sol: int = 1_000, usdc: int = 100_000, venue: str = "raydium") -> Pool:
    """One of SOL and USDC, that holds these whole units."""
    return cpmm_pool(name, ("SOL", "USDC"), (sol * SOL, usdc * USDC), venue=venue)


def sniper(liquidity: str = "1000", age_s: int = 60, token: str = "token_in", **changes: Any) -> NewOrder:
    """A sniper of one SOL -> USDC unless changed."""
    own = {"min_liquidity": liquidity, "max_age_s": age_s, "liquidity_token": token}
    return typed("sniper", own, **{"min_amount_out": 50 * USDC, **changes})


def buyer(liquidity: str = "1000", age_s: int = 60, token: str = "token_in", **changes: Any) -> NewOrder:
    """The other direction: 100 USDC -> SOL."""
    pair = {"token_in": "USDC", "token_out": "SOL", "decimals_in": 6, "decimals_out": 9, "amount": 100 * USDC}
    return sniper(liquidity, age_s, token, **{**pair, "min_amount_out": SOL // 2, **changes})


def let_pass(seconds: float) -> None:
    """As if the looks before had been `seconds` earlier."""
    earlier = timedelta(seconds=seconds)
    SeenPool.objects.update(absent_at=F("absent_at") - earlier, seen_at=F("seen_at") - earlier)
    Heartbeat.objects.filter(name=f"pools:{CHAIN}").update(at=F("at") - earlier)


def triggered(order: Order) -> list[dict[str, Any]]:
    """What its trigger has seen."""
    events = OrderEvent.objects.filter(order=order, data__has_key="triggered").order_by("seq")
    return [event.data["triggered"] for event in events]
