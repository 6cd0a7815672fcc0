"""The market of a chain as this process knows it. One thread of its own looks, and all who want it share what it finds.

So a caller waits as long as its own time limit allows, no longer, while a look goes on: on a slow node the next caller
finds it done.
"""

import logging
import threading
import time
from collections.abc import Iterable

from dex.chains.base import Snapshot
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.pools.reader import MarketReader, Whole
from dex.chains.evm.shared_work import SharedWork
from dex.chains.evm.transactions.costs import NetworkCosts
from dex.deadline import unless_limited
from dex.errors import ChainUnavailable
from dex.pools import Pool

logger = logging.getLogger(__name__)

# What one look may take in all: a first one asks several questions one after the other.
LOOK_S = 60.0
# Seconds for which new pools are looked for with each block once they were asked for, and the least between two looks.
SOUGHT_S, SEEK_S = 30.0, 1.0


class EvmMarket:
    """Safe to share between threads: one looks, the others wait for what it finds."""

    def __init__(self, rpc: Rpc, options: EvmOptions, costs: NetworkCosts, extra_pools: Iterable[Pool] = ()) -> None:
        self._options = options
        self._reader = MarketReader(rpc, options, costs, extra_pools)
        self._lock = threading.Lock()
        self._current: SharedWork[Snapshot] | None = None
        self._looked_at = self._expired_at = float("-inf")
        self._is_reread = False
        self._discovered_at = self._searched_at = time.monotonic()
        self._sought_at = float("-inf")
        self._renewed: Whole | None = None

    @property
    def facts(self) -> dict[str, PoolFacts]:
        """What never changes of each pool that is known here, by address."""
        return self._reader.facts

    def pool(self, address: str) -> Pool | None:
        """A pool as it was last seen."""
        return self._reader.pools.get(address)

    def snapshot(self) -> Snapshot:
        """The pools after the newest block, or what was seen a moment ago. Raises: ChainUnavailable."""
        asked_at = time.monotonic()
        while True:
            with self._lock:
                expired_at, seen = self._expired_at, self._reader.snapshot
                is_known = seen is not None and self._looked_at > expired_at
                if seen is not None and is_known and asked_at - self._looked_at < self._options.snapshot_s:
                    return seen
                look = self._under_way() or self._begin()
            with unless_limited(self._options.deadline_s):
                found = look.wait()
            if look.began_at >= expired_at:
                return found

    def discovered(self) -> None:
        """See that pools are known. Raises: ChainUnavailable."""
        if not self.facts:
            self.snapshot()

    def seek(self) -> None:
        """Look for new pools with each block for a while: orders wait for one."""
        self._sought_at = time.monotonic()

    def expire(self, *, is_reread: bool = False) -> None:
        """Ask at the next look, however short ago the last one was; with `is_reread` the contracts alone are asked."""
        with self._lock:
            self._expired_at = time.monotonic()
            self._is_reread = self._is_reread or is_reread

    def _under_way(self) -> SharedWork[Snapshot] | None:
        return self._current if self._current is not None and self._current.is_of_this_process else None

    def _begin(self) -> SharedWork[Snapshot]:
        look = self._current = SharedWork("the look at the market", self._look, LOOK_S)
        look.start(after=self._end)
        return look

    def _end(self) -> None:
        with self._lock:
            self._current = None
        now, options = time.monotonic(), self._options
        if now - self._discovered_at >= options.discovery_s:
            self._discovered_at = self._searched_at = now
            SharedWork("the search for new pools", self._renew, LOOK_S).start()
        elif now - self._sought_at < SOUGHT_S and now - self._searched_at >= max(SEEK_S, options.block_s):
            self._searched_at = now
            SharedWork("the search for new pools", self._seek, LOOK_S).start()

    def _look(self) -> Snapshot:
        with self._lock:
            renewed, self._renewed = self._renewed, None
            is_reread, self._is_reread = self._is_reread, False
        if renewed is not None:
            self._reader.adopt(renewed)
        try:
            found = self._reader.reread() if is_reread else self._reader.look()
        except BaseException:
            with self._lock:
                self._is_reread = self._is_reread or is_reread
            raise
        with self._lock:
            self._looked_at = time.monotonic()
        return found

    def _renew(self) -> None:
        """Look for new pools, and read all of them whole, while others go on with those that are known."""
        try:
            self._renewed = self._reader.read(self._reader.newest())
        except ChainUnavailable as error:
            logger.warning("no new pools were looked for: %s", error.detail)

    def _seek(self) -> None:
        """The same, where there are new ones at all."""
        try:
            newest = self._reader.newest()
            found = self._reader.discovered(newest)
            if not found.keys() <= self.facts.keys():
                self._renewed = self._reader.read(newest, found)
        except ChainUnavailable as error:
            logger.warning("no new pools were looked for: %s", error.detail)
