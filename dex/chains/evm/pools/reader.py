"""All pools after one block: read whole, then carried on by their events.

These are believed only as far as the contracts themselves bear them out at the same block. For one caller at a
time; `market.py` shares what is found.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dex.chains.base import Snapshot
from dex.chains.evm.answers import Block, Log
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.fields import BadAnswer, kind_of
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.multicall import Reader, check_same, header_call
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.pools.discovery import PoolFacts, discover
from dex.chains.evm.pools.states import FOLLOWED, PoolState, built, head_in, head_reads, read_states
from dex.chains.evm.transactions.costs import NetworkCosts, StrategyCosts
from dex.pools import Pool

logger = logging.getLogger(__name__)

# Farther back than this the pools are read whole instead: nodes limit the range of one question for logs.
MAX_BLOCKS_FOLLOWED = 500
# A lower block than the one before is a machine that lags; after this time the chain itself has gone back.
LAG_S = 4.0
NEWEST: Call = ("eth_getBlockByNumber", ["latest", False])


class Newest(NamedTuple):
    """The newest block, and what transactions cost at that moment."""

    block: Block
    costs: StrategyCosts


class Whole(NamedTuple):
    """Every pool that there is, and its state after a block."""

    newest: Newest
    facts: dict[str, PoolFacts]
    states: dict[str, PoolState]


class MarketReader:
    """The pools of one chain as they were seen last."""

    def __init__(self, rpc: Rpc, options: EvmOptions, costs: NetworkCosts, extra_pools: Iterable[Pool] = ()) -> None:
        self._rpc = rpc
        self._costs = costs
        self._options = options
        self._extra = tuple(extra_pools)
        self._reader = Reader(rpc, options.deployment.multicall)
        self._states: dict[str, PoolState] = {}
        self._head: Block | None = None
        self._behind_since: float | None = None
        self.facts: dict[str, PoolFacts] = {}
        self.pools: dict[str, Pool | None] = {}
        self.snapshot: Snapshot | None = None

    def look(self) -> Snapshot:
        """The pools after the newest block. Raises: ChainUnavailable."""
        before, newest = self._head, self.newest()
        if before is not None and newest.block.hash == before.hash:
            if self.snapshot is None or self.snapshot.costs != newest.costs:
                self._take(newest)
        elif before is None or not self._follow(before, newest):
            self.adopt(self.read(newest, self.facts))
        assert self.snapshot is not None
        return self.snapshot

    def newest(self) -> Newest:
        """The header of the newest block, in one request with what costs follow from. Raises: ChainUnavailable."""
        return self._costs.read(self._rpc, [NEWEST], self._newest)

    def _newest(self, answers: Sequence[Any]) -> Newest:
        block, *others = answers
        if not isinstance(block, Block):
            words = f"a refusal: {block.message}" if isinstance(block, RpcError) else kind_of(block)
            raise BadAnswer(f"{words} for the newest block")
        return Newest(block, self._costs.taken(others))

    def discovered(self, newest: Newest) -> dict[str, PoolFacts]:
        """Every pool that there is after a block, by address. Changes nothing here. Raises: ChainUnavailable."""
        try:
            return discover(self._reader, self._options.deployment, self._options.tokens, newest.block)
        except BadAnswer as error:
            raise self._rpc.doubted(error) from error

    def read(self, newest: Newest, facts: dict[str, PoolFacts] | None = None) -> Whole:
        """Everything after a block, where the pools are looked for first if none are known.

        Changes nothing here. Raises: ChainUnavailable.
        """
        head, known = newest.block, facts or self.discovered(newest)
        try:
            return Whole(newest, known, read_states(self._reader, list(known.values()), head))
        except BadAnswer as error:
            raise self._rpc.doubted(error) from error

    def adopt(self, whole: Whole) -> None:
        """Go on from there."""
        self.facts, self._states = whole.facts, whole.states
        self.pools = {address: built(self.facts[address], state) for address, state in self._states.items()}
        self._take(whole.newest)

    def reread(self) -> Snapshot:
        """The pools after the newest block, by the contracts alone. Raises: ChainUnavailable."""
        self._head = None
        return self.look()

    def _follow(self, before: Block, newest: Newest) -> bool:
        """Carry the pools on to the block; whether that was possible. Raises: ChainUnavailable."""
        head = newest.block
        if self._lags(before, head):
            return True
        if not 0 < head.number - before.number <= MAX_BLOCKS_FOLLOWED:
            return False
        found = self._news(before, head)
        if found is None:
            return False
        logs, heads = found
        self._head = None  # should this fail on its way, nothing half done is carried on
        changed = {log.address for log in logs}
        for log in logs:
            self._states[log.address].follow(log.topic, log)
        if contradicted := [address for address, seen in heads.items() if self._states[address].head != seen]:
            self._correct(contradicted, newest)
            changed |= set(contradicted)
        for address in changed:
            self.pools[address] = built(self.facts[address], self._states[address])
        self._take(newest)
        return True

    def _lags(self, before: Block, head: Block) -> bool:
        """Whether the machine that answered is behind what another one of its node has said a moment ago."""
        if head.number >= before.number:
            self._behind_since = None
            return False
        now = time.monotonic()
        self._behind_since = now if self._behind_since is None else self._behind_since
        return now - self._behind_since < LAG_S

    def _news(self, before: Block, head: Block) -> tuple[Sequence[Log], dict[str, Any]] | None:
        """The pools' events between two blocks of one branch, and their prices after the second by the contracts.

        None when that cannot be told. All is asked in one breath with both blocks: a reorg in between is noticed.
        """
        reads = [read for facts in self.facts.values() for read in head_reads(facts)]
        wanted = {
            "fromBlock": hex(before.number + 1),
            "toBlock": hex(head.number),
            "address": list(self.facts),
            "topics": [list(FOLLOWED)],
        }
        calls = [
            header_call(before.number),
            ("eth_getLogs", [wanted]),
            header_call(head.number),
            *self._reader.calls(reads, head),
        ]
        old, logs, new, *answers = self._rpc.read(calls)
        if any(isinstance(answer, RpcError) for answer in (old, logs, new)) or old != before:
            return None
        try:
            check_same(head, new)
            values = iter(self._reader.taken(reads, answers))
            return logs, {facts.address: head_in(facts, values) for facts in self.facts.values()}
        except BadAnswer:
            return None

    def _correct(self, addresses: Sequence[str], newest: Newest) -> None:
        """Read again what the events do not account for: the node has left some of them out."""
        logger.warning(
            "events are missing of %d pools up to block %d: they are read again", len(addresses), newest.block.number
        )
        whole = self.read(newest, {address: self.facts[address] for address in addresses})
        self._states |= whole.states

    def _take(self, newest: Newest) -> None:
        head = self._head = newest.block
        pools = tuple(pool for pool in self.pools.values() if pool is not None)
        self.snapshot = Snapshot(head.number, head.time, (*self._extra, *pools), newest.costs)
