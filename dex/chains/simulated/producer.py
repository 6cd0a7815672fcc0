"""Makes the chain's blocks: when one is due, what it holds, and which are taken back."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from dex.chains.base import Snapshot
from dex.chains.simulated.blocks import Head, Work, write_block
from dex.chains.simulated.branches import KEPT_PAST_FINALITY, take_back
from dex.chains.simulated.fees import COLLECTOR
from dex.chains.simulated.ledger import RIVAL, executable, execute_in_turn
from dex.chains.simulated.market import GenesisMarket
from dex.chains.simulated.mempool import Arrival, Incoming, Mempool
from dex.chains.simulated.noise import TRADERS, arbitrage, make_noise
from dex.chains.simulated.openings import write_opening
from dex.chains.simulated.options import SimulatedOptions
from dex.chains.simulated.store import LOCK, Store
from dex.chains.simulated.transaction import decode
from dex.errors import ReorgPastFinality
from dex.pools import Pool
from dex.types import Receipt

# For how long a process tells of a receipt that it saw become final without a look at the database.
TELL_S = 1.0
# Accounts that a block may touch beside those of its transactions.
_TRADERS = (RIVAL, TRADERS, COLLECTOR)


class BlockProducer:
    """The chain helped along by every process that asks: the one that needs a block that is due makes it."""

    def __init__(self, options: SimulatedOptions, market: GenesisMarket, store: Store) -> None:
        self._options = options
        self._market = market
        self._store = store
        self._mempool = Mempool()
        # When this process last made a block that was final at once, and the receipts of what it holds.
        self._told_at, self._final = 0.0, dict[str, Receipt]()

    def receive(self, arriving: Sequence[Incoming]) -> list[Arrival]:
        """Take bytes in. Where a block is made at once and final at once, this makes it, in the same transaction."""
        if self._options.block_time_ms or self._reversible or not arriving:
            return self._mempool.receive(arriving)()[0]
        with transaction.atomic():
            received = self._mempool.receive(arriving, LOCK)
            # It goes out together with the bytes.
            work = self._store.work(_TRADERS)
            arrivals, is_settled = received()
            _, receipts = self._make_block((work if is_settled else self._store.work(_TRADERS))())
        self._told_at, self._final = time.monotonic(), receipts
        return arrivals

    def snapshot(self) -> Snapshot:
        """The newest state, behind the block that is due."""
        self._store.ensure_genesis()
        return self._brought_up(*self._store.view())

    def ask_snapshot(self) -> Callable[[], Snapshot] | None:
        """The same with what the session is asked next; None where statements do not share round trips."""
        self._store.ensure_genesis()
        read = self._store.ask_view()
        return None if read is None else lambda: self._brought_up(*(read() or self._store.view()))

    def _brought_up(self, head: Head, snapshot: Snapshot) -> Snapshot:
        if self._is_behind(head):
            self._bring_up()
            _, snapshot = self._store.view()
        return snapshot

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """What the chain says of each hash, behind the block that is due."""
        if told := self._tell(tx_hashes):
            return told
        self._store.ensure_genesis()
        head, found = self._store.receipts(tx_hashes)
        if self._is_behind(head):
            self._bring_up()
            head, found = self._store.receipts(tx_hashes)
        height = self._height(head)
        return [self._counted(receipt, height) if (receipt := found.get(tx_hash)) else None for tx_hash in tx_hashes]

    def advance(self) -> int:
        """Make the block that is due, if any transaction waits for one; return the chain's height."""
        self._store.ensure_genesis()
        head = self._head()
        return self._height(self._bring_up() if self._is_behind(head) else head)

    def reorg(self, depth: int, forget: Collection[str] | None, *, past_finality: bool) -> list[str]:
        """See `SimulatedChain.reorg`."""
        self._store.ensure_genesis()
        self._final = {}
        with self._store.exclusive():
            head = self._head()
            tx_hashes = self._reorg(head, self._height(head) - depth + 1, forget)
            # Time has gone on, and with it finality: what was reported as final has to stay so.
            if not past_finality and self._height(self._head()) - self._height(head) + depth > self._reversible:
                raise ReorgPastFinality(f"{depth} blocks back is past finality, {self._reversible} can be taken back")
        return tx_hashes

    def mine(self, count: int) -> None:
        """Make the block that is due and `count` empty ones, without waiting for their time."""
        self.advance()
        with self._store.exclusive():
            for _ in range(count):
                head = self._head()
                height = self._height(head)
                self._store.write_empty_block(head, height + 1, self._made_at(head, height))

    def open_pool(self, pool: Pool) -> None:
        """Make the block that is due, and one that opens a pool. Raises: ValueError for one that is there already."""
        self.advance()
        with self._store.exclusive():
            head = self._head()
            height = self._height(head)
            # Where no time has passed since the head, it has the head's: none is of a slot that is still to come.
            write_opening(head, max(head.number + 1, height), self._made_at(head, height), pool, self._kept)

    @property
    def _kept(self) -> int:
        """For how many blocks what undoes them is kept."""
        return self._options.required_confirmations + KEPT_PAST_FINALITY

    @property
    def _reversible(self) -> int:
        return self._options.required_confirmations - 1

    def _head(self) -> Head:
        head = self._store.head()
        assert head is not None
        return head

    def _tell(self, tx_hashes: Sequence[str]) -> list[Receipt | None] | None:
        """What this process has just seen become final, each once; None where that is not all that is asked for."""
        final = self._final
        if time.monotonic() - self._told_at > TELL_S or not all(tx_hash in final for tx_hash in tx_hashes):
            return None
        self._final = {tx_hash: receipt for tx_hash, receipt in final.items() if tx_hash not in tx_hashes}
        return [final[tx_hash] for tx_hash in tx_hashes]

    def _bring_up(self) -> Head:
        """Do what is due, unless another process has done it while this one waited for the lock; the head then."""
        with self._store.exclusive():
            work = self._store.work(_TRADERS)()
            if self._is_doomed(work.head):
                assert work.head.doomed is not None
                self._reorg(work.head, work.head.doomed, ())
                work = self._store.work(_TRADERS)()
            return self._make_block(work)[0] if self._is_due(work.head) else work.head

    def _reorg(self, head: Head, first: int, forget: Collection[str] | None) -> list[str]:
        height = self._height(head)
        if first > height:
            raise ValueError("a reorg takes at least one block back")
        tx_hashes = take_back(first, forget)
        # The new branch is as long as the old one: confirmations of what stays never shrink.
        self._store.write_empty_block(self._head(), height, self._made_at(head, height))
        return tx_hashes

    def _make_block(self, work: Work) -> tuple[Head, dict[str, Receipt]]:
        """The block of what waits and can be executed, if anything: the head then, and the receipts in the block."""
        head, before = work.head, work.before
        waiting = {item.tx_hash: item for item in work.waiting}
        pending = [decode(self._options.chain_id, item.raw) for item in work.waiting]
        late = [item.tx_hash for item in pending if item.intent.nonce < before.nonces.get(item.intent.wallet, 0)]
        self._mempool.drop(late, "replaced")
        ready = executable(before, pending)
        if not ready:
            return head, {}
        after = before.copy()
        number, now = max(head.number + 1, self._height(head)), int(head.now.timestamp())
        options = self._options
        make_noise(after, self._market.values, options.noise_trades, options.seed, number, now)
        executed, unpaid = execute_in_turn(after, ready, now)
        self._mempool.drop(unpaid, "forgotten")
        if not executed:
            return head, {}
        if options.noise_trades:
            moved = [pool_id for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]]
            arbitrage(after, moved, self._market.values, now)
        included = {item.tx_hash for item in executed}
        is_doomed = self._reversible >= 2 and any(
            item.scenario == "reorg" and item.tx_hash in included and not waiting[item.tx_hash].taken_back_count
            for item in ready
        )
        made_at, is_final = self._made_at(head, number), not self._reversible
        return write_block(
            head, number, made_at, before, after, executed, is_doomed=is_doomed, is_final=is_final, kept=self._kept
        )

    def _is_behind(self, head: Head) -> bool:
        return self._is_due(head) or self._is_doomed(head)

    def _is_due(self, head: Head) -> bool:
        age_ms = (head.now - head.at).total_seconds() * 1000
        return head.has_pending and age_ms >= self._options.block_time_ms

    def _is_doomed(self, head: Head) -> bool:
        """Whether a block that is to be taken back has had its chance to be seen."""
        return head.doomed is not None and self._height(head) > head.doomed

    def _height(self, head: Head) -> int:
        """The newest block's number, with the empty blocks that time has brought since."""
        if not self._options.block_time_ms:
            return head.number
        return head.number + int((head.now - head.at).total_seconds() * 1000 // self._options.block_time_ms)

    def _made_at(self, head: Head, number: int) -> datetime:
        """A block's time is the beginning of its slot: whichever block is the head, everybody counts one height."""
        if not self._options.block_time_ms:
            return head.now
        return head.at + timedelta(milliseconds=(number - head.number) * self._options.block_time_ms)

    def _counted(self, receipt: Receipt, height: int) -> Receipt:
        confirmations = max(0, height - receipt.block_number) + 1
        return replace(
            receipt, confirmations=confirmations, is_final=confirmations >= self._options.required_confirmations
        )
