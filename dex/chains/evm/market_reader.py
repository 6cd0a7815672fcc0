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
from dex.chains.evm.directory import PoolFacts, discover
from dex.chains.evm.fields import BadAnswer, kind_of
from dex.chains.evm.multicall import Reader, check_same, header_call
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.pool_states import FOLLOWED, PoolState, built, head_in, head_reads, read_states
from dex.chains.evm.replies import Call
from dex.chains.evm.rpc import Rpc
from dex.chains.evm.rpc_errors import RpcError
from dex.pools import Pool

logger = logging.getLogger(__name__)

# Farther back than this the pools are read whole instead: nodes limit the range of one question for logs.
MAX_BLOCKS_FOLLOWED = 500
# A lower block than the one before is a machine that lags; after this time the chain itself has gone back.
LAG_S = 4.0
NEWEST: Call = ("eth_getBlockByNumber", ["latest", False])


class Whole(NamedTuple):
    """Every pool that there is, and its state after a block."""

    head: Block
    facts: dict[str, PoolFacts]
    states: dict[str, PoolState]


class MarketReader:
    """The pools of one chain as they were seen last."""

    def __init__(self, rpc: Rpc, options: EvmOptions, extra_pools: Iterable[Pool] = ()) -> None:
        self._rpc = rpc
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
        before, head = self._head, self.newest()
        if before is None or not self._follow(before, head):
            self.adopt(self.read(head, self.facts))
        assert self.snapshot is not None
        return self.snapshot

    def newest(self) -> Block:
        """The header of the newest block. Raises: ChainUnavailable."""
        return self._rpc.taken([NEWEST], _block)

    def read(self, head: Block, facts: dict[str, PoolFacts] | None = None) -> Whole:
        """Everything after a block, where the pools are looked for first if none are known.

        Changes nothing here. Raises: ChainUnavailable.
        """
        options = self._options
        try:
            known = facts or discover(self._reader, options.deployment, options.tokens, head)
            return Whole(head, known, read_states(self._reader, list(known.values()), head))
        except BadAnswer as error:
            raise self._rpc.doubted(error) from error

    def adopt(self, whole: Whole) -> None:
        """Go on from there."""
        self.facts, self._states = whole.facts, whole.states
        self.pools = {address: built(self.facts[address], state) for address, state in self._states.items()}
        self._take(whole.head)

    def reread(self) -> Snapshot:
        """The pools after the newest block, by the contracts alone. Raises: ChainUnavailable."""
        self._head = None
        return self.look()

    def _follow(self, before: Block, head: Block) -> bool:
        """Carry the pools on to the block; whether that was possible. Raises: ChainUnavailable."""
        if head.hash == before.hash or self._lags(before, head):
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
            self._correct(contradicted, head)
            changed |= set(contradicted)
        for address in changed:
            self.pools[address] = built(self.facts[address], self._states[address])
        self._take(head)
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

    def _correct(self, addresses: Sequence[str], head: Block) -> None:
        """Read again what the events do not account for: the node has left some of them out."""
        logger.warning(
            "events are missing of %d pools up to block %d: they are read again", len(addresses), head.number
        )
        whole = self.read(head, {address: self.facts[address] for address in addresses})
        self._states |= whole.states

    def _take(self, head: Block) -> None:
        self._head = head
        pools = tuple(pool for pool in self.pools.values() if pool is not None)
        self.snapshot = Snapshot(head.number, head.time, (*self._extra, *pools))


def _block(answers: Sequence[Any]) -> Block:
    (head,) = answers
    if not isinstance(head, Block):
        raise BadAnswer(f"{kind_of(head)} for the newest block")
    return head
