"""Keeps the simulated chain in PostgreSQL. Every block is one transaction under one advisory lock."""

import json
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from dex.chains.base import Snapshot
from dex.chains.simulated.accounts import next_nonce, read_balances, rows_json, write_accounts
from dex.chains.simulated.blocks import (
    HEAD,
    NOTHING_KNOWN,
    Head,
    View,
    Work,
    ask_view,
    hash_text,
    read_head,
    read_view,
    read_work,
)
from dex.chains.simulated.fees import NATIVE
from dex.chains.simulated.ledger import Ledger
from dex.chains.simulated.market import FAUCET, GenesisMarket
from dex.chains.simulated.purses import Purses
from dex.chains.simulated.transaction import decode_route
from dex.types import Receipt

# Held while a block or the genesis is made, or a wallet is funded: one writer of state at a time.
LOCK = 0x5E1A_0C8A
GENESIS_PARENT = "0x" + "0" * 64


class Store:
    """Reads and writes of one chain. The pool cache is shared by the process's threads, and never changed in place."""

    def __init__(self, market: GenesisMarket) -> None:
        self._market = market
        self._known = NOTHING_KNOWN
        self._has_genesis = False
        # What wallets that are asked about held when the state was last read.
        self.purses = Purses()

    def ensure_genesis(self) -> None:
        """Write the first block unless there is one; two processes at once make one genesis."""
        if self._has_genesis:
            return
        if self.head() is None:
            with self.exclusive():
                if self.head() is None:
                    self._write_genesis()
        self._has_genesis = True

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One transaction, in which this process is the only writer of state.

        It does not wait for the disk: a transaction that relies on it commits later and waits for both, since
        the log is written in order.
        """
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(%s), set_config('synchronous_commit', 'off', true)", [LOCK]
                )
            yield

    def head(self) -> Head | None:
        """The newest block, None before genesis."""
        return read_head()

    def view(self) -> tuple[Head, Snapshot]:
        """The newest block, and number, time and pools as they are after it. Notes what wallets hold then."""
        began = time.monotonic()
        return self._noted(read_view(self._known, NATIVE, self.purses.wanted), began)

    def ask_view(self) -> Callable[[], tuple[Head, Snapshot] | None] | None:
        """The same with what the session is asked next; None, now or then, where it does not come with that."""
        began = time.monotonic()
        read = ask_view(self._known, NATIVE, self.purses.wanted)
        return None if read is None else lambda: self._noted(view, began) if (view := read()) else None

    def _noted(self, view: View, began: float) -> tuple[Head, Snapshot]:
        head, self._known, held = view
        self.purses.note(held, began)
        return head, Snapshot(head.number, int(head.now.timestamp()), tuple(view.known.pools.values()))

    def work(self, others: Sequence[str]) -> Callable[[], Work]:
        """What the next block is made of, read when it is called for. Call under the lock."""
        read = read_work(self._known, others)

        def work() -> Work:
            found = read()
            self._known = found.known
            return found

        return work

    # --- Wallets ------------------------------------------------------------------------------------------

    def fund(self, wallet: str) -> None:
        """Open an address with a grant from the faucet, once; a chain made before the market had a token has none."""
        with self.exclusive():
            if next_nonce(wallet) is None:
                ledger = Ledger({}, read_balances([FAUCET]))
                for token, atoms in self._market.grant().items():
                    if (FAUCET, token) in ledger.balances:
                        ledger.move(FAUCET, token, -atoms)
                        ledger.move(wallet, token, atoms)
                write_accounts(ledger.balances, {wallet: 0})

    def balances(self, wallet: str) -> dict[str, int]:
        """Atoms of each token at the address."""
        return {token: atoms for (_, token), atoms in read_balances([wallet]).items()}

    def total_supply(self) -> dict[str, int]:
        """Atoms of each token over all addresses and pools: always the same."""
        totals: dict[str, int] = defaultdict(int)
        with connection.cursor() as cursor:
            cursor.execute("SELECT token, sum(atoms) FROM simulated_balance GROUP BY token")
            for token, atoms in cursor.fetchall():
                totals[token] += int(atoms)
        for pool in self.view()[1].pools:
            for token, atoms in pool.balances().items():
                totals[token] += atoms
        return dict(totals)

    # --- Blocks -------------------------------------------------------------------------------------------

    def write_empty_block(self, head: Head, number: int, at: datetime) -> None:
        """Append a block that holds nothing and is like no other: what follows it is another branch."""
        block_hash = hash_text(f"{head.block_hash}/{number}/{secrets.token_hex(16)}")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO simulated_block (number, block_hash, parent_hash, at, is_empty)"
                " VALUES (%s, %s, %s, %s, true)",
                [number, block_hash, head.block_hash, at],
            )

    def receipts(self, tx_hashes: Sequence[str]) -> tuple[Head, dict[str, Receipt]]:
        """The newest block, and receipts of those that are included, with `confirmations` still to be counted (1)."""
        with connection.cursor() as cursor:
            cursor.execute(_RECEIPTS, [list(tx_hashes)])
            rows = cursor.fetchall()
        width = len(Head._fields)
        return Head(*rows[0][:width]), {row[width]: _receipt(row[width:]) for row in rows if row[width] is not None}

    def block_time(self, number: int) -> tuple[int, datetime]:
        """The newest block that is not after `number`: its own number, and when it was made."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, at FROM simulated_block WHERE number <= %s ORDER BY number DESC LIMIT 1", [number]
            )
            row: tuple[int, datetime] = cursor.fetchone()
            return row

    def _write_genesis(self) -> None:
        ledger = self._market.genesis()
        block_hash = hash_text(f"genesis/{sorted(ledger.balances.items())}")
        pools = list(ledger.pools.values())
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO simulated_block (number, block_hash, parent_hash) VALUES (0, %s, %s)",
                [block_hash, GENESIS_PARENT],
            )
            cursor.execute(
                """
                INSERT INTO simulated_poolstate (pool_id, position, venue, kind, tokens, state, version)
                SELECT *, %s FROM jsonb_to_recordset(%s::jsonb)
                    AS v(pool_id text, position int, venue text, kind text, tokens jsonb, state jsonb)
                """,
                [
                    block_hash,
                    rows_json(
                        {
                            "pool_id": pool.pool_id,
                            "position": position,
                            "venue": pool.venue,
                            "kind": pool.kind,
                            "tokens": pool.tokens,
                            "state": pool.to_state(),
                        }
                        for position, pool in enumerate(pools)
                    ),
                ],
            )
        write_accounts(ledger.balances, {address: 0 for address, _ in ledger.balances})


_RECEIPTS = f"""
    SELECT h.*, r.* FROM ({HEAD}) h LEFT JOIN (
        SELECT t.tx_hash, t.block_number, b.block_hash, t.code, t.detail, t.amount_in, t.amount_out, t.route,
               t.fee_paid
        FROM simulated_chaintransaction t JOIN simulated_block b ON b.number = t.block_number
        WHERE t.tx_hash = ANY(%s::text[]) AND t.state = 'included'
    ) r ON true
"""


def _receipt(row: Sequence[Any]) -> Receipt:
    tx_hash, number, block_hash, code, detail, amount_in, amount_out, encoded, fee_paid = row
    route = None if encoded is None else decode_route(json.loads(encoded))
    amounts = int(amount_in), int(amount_out)
    return Receipt(tx_hash, number, block_hash, code is None, code, detail, *amounts, route, 1, fee_paid=fee_paid)
