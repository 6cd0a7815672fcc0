"""The market of a chain as this process knows it: all pools after one block, brought up to date by their events."""

import threading
import time
from collections.abc import Iterable
from typing import Any

from dex.chains.base import Snapshot
from dex.chains.evm.directory import PoolFacts, discover
from dex.chains.evm.multicall import Reader
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.pool_states import FOLLOWED, PoolState, built, read_states
from dex.chains.evm.rpc import Call, Rpc, RpcError
from dex.errors import ChainUnavailable
from dex.pools import Pool

# Farther back than this the pools are read anew instead: nodes limit the range of one question for logs.
MAX_BLOCKS_FOLLOWED = 500
Block = dict[str, Any]


class EvmMarket:
    """Safe to share between threads: one looks, the others wait for what it finds."""

    def __init__(self, rpc: Rpc, options: EvmOptions, extra_pools: Iterable[Pool] = ()) -> None:
        self._rpc = rpc
        self._options = options
        self._extra = tuple(extra_pools)
        self._reader = Reader(rpc, options.deployment.multicall)
        self._lock = threading.Lock()
        self._facts: dict[str, PoolFacts] = {}
        self._states: dict[str, PoolState] = {}
        self._pools: dict[str, Pool | None] = {}
        self._head: Block | None = None
        self._snapshot: Snapshot | None = None
        self._looked_at = self._discovered_at = float("-inf")

    @property
    def facts(self) -> dict[str, PoolFacts]:
        """What never changes of each pool that is known here, by address."""
        return self._facts

    def pool(self, address: str) -> Pool | None:
        """A pool as it was last seen."""
        return self._pools.get(address)

    def snapshot(self) -> Snapshot:
        """The pools after the newest block, or what was seen a moment ago. Raises: ChainUnavailable."""
        with self._lock:
            if self._snapshot is None or time.monotonic() - self._looked_at >= self._options.snapshot_s:
                self._look()
                self._looked_at = time.monotonic()
            assert self._snapshot is not None
            return self._snapshot

    def discovered(self) -> None:
        """See that pools are known. Raises: ChainUnavailable."""
        if not self._facts:
            self.snapshot()

    def expire(self) -> None:
        """Ask at the next look, however short ago the last one was."""
        with self._lock:
            self._looked_at = float("-inf")

    def _look(self) -> None:
        (head,) = self._rpc.results([_block("latest")])
        if head is None:
            raise ChainUnavailable("the node has no newest block")
        before = self._head
        is_due = time.monotonic() - self._discovered_at >= self._options.discovery_s
        if before is not None and not is_due:
            if head["hash"] == before["hash"]:
                return
            logs = self._logs(before, head)
            if logs is not None:
                self._follow(logs, head)
                return
        self._read(head)

    def _logs(self, before: Block, head: Block) -> list[dict[str, Any]] | None:
        """What happened in the pools between two blocks of one branch; None when that cannot be told.

        Asked for the ends in the same breath, so that a reorg in between is noticed.
        """
        first, last = _number(before) + 1, _number(head)
        if not 0 < last - first + 1 <= MAX_BLOCKS_FOLLOWED:
            return None
        addresses = list(self._facts)
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses, "topics": [list(FOLLOWED)]}
        calls: list[Call] = [_block(before["number"]), ("eth_getLogs", [wanted]), _block(head["number"])]
        old, logs, new = self._rpc.read(calls)
        if any(isinstance(answer, RpcError) or answer is None for answer in (old, logs, new)):
            return None
        if old["hash"] != before["hash"] or new["hash"] != head["hash"]:
            return None
        return sorted(logs, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))

    def _follow(self, logs: list[dict[str, Any]], head: Block) -> None:
        changed = set()
        for log in logs:
            address = log["address"].lower()
            self._states[address].follow(log["topics"][0], log)
            changed.add(address)
        for address in changed:
            self._pools[address] = built(self._facts[address], self._states[address])
        self._take(head)

    def _read(self, head: Block) -> None:
        number = _number(head)
        self._head = None  # should this fail on its way, nothing half read is carried on
        deployment, tokens = self._options.deployment, self._options.tokens
        if time.monotonic() - self._discovered_at >= self._options.discovery_s:
            self._facts = discover(self._reader, deployment, tokens, number)
            self._discovered_at = time.monotonic()
        self._states = read_states(self._reader, list(self._facts.values()), number)
        (again,) = self._rpc.results([_block(head["number"])])
        if again is None or again["hash"] != head["hash"]:
            raise ChainUnavailable("the chain changed its mind while its pools were read")
        self._pools = {address: built(self._facts[address], state) for address, state in self._states.items()}
        self._take(head)

    def _take(self, head: Block) -> None:
        self._head = head
        pools = tuple(pool for pool in self._pools.values() if pool is not None)
        self._snapshot = Snapshot(_number(head), int(head["timestamp"], 16), (*self._extra, *pools))


def _block(tag: str) -> Call:
    return ("eth_getBlockByNumber", [tag, False])


def _number(block: Block) -> int:
    return int(block["number"], 16)
