"""Keeps the simulated chain in PostgreSQL. Every block is one transaction under one advisory lock."""

import hashlib
import json
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from dex.chains.base import Snapshot
from dex.chains.simulated.accounts import next_nonce, read_balances, rows_json, write_accounts
from dex.chains.simulated.ledger import Executed, Ledger
from dex.chains.simulated.market import FAUCET, GenesisMarket
from dex.chains.simulated.transaction import decode_route, encode_route
from dex.pools import Pool, pool_from_state
from dex.types import Receipt

# Held by whoever makes a block, funds a wallet or makes the genesis: one writer of state at a time.
LOCK = 0x5E1A_0C8A
GENESIS_PARENT = "0x" + "0" * 64


class Head(NamedTuple):
    """The newest block, the database's time, whether a transaction waits that a block could take, and a doomed block.

    One that waits for another nonce of its wallet does not count. `doomed` is the oldest block with an order that asked
    for a reorg.
    """

    number: int
    block_hash: str
    at: datetime
    now: datetime
    has_pending: bool
    doomed: int | None


class Store:
    """Reads and writes of one chain. The pool cache is shared by the process's threads."""

    def __init__(self, market: GenesisMarket) -> None:
        self._market = market
        self._pools: dict[str, tuple[str, Pool]] = {}
        self._lock = threading.Lock()
        self._has_genesis = False

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

        It does not wait for the disk: whoever draws a conclusion from it commits later and waits for both, since
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
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT number, block_hash, at, clock_timestamp(), EXISTS (
                    SELECT FROM simulated_chaintransaction t
                    LEFT JOIN simulated_chainaccount a ON a.address = t.wallet
                    WHERE t.state = 'pending' AND (t.hold_until IS NULL OR t.hold_until <= now())
                        AND t.nonce <= coalesce(a.next_nonce, 0)),
                    (SELECT min(number) FROM simulated_undo WHERE is_doomed)
                FROM simulated_block ORDER BY number DESC LIMIT 1
                """
            )
            row = cursor.fetchone()
        return None if row is None else Head(*row)

    def snapshot(self) -> Snapshot:
        """Number, time and pools of the newest block. States are parsed only where they changed."""
        known = self._pools
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT b.number, extract(epoch FROM now())::bigint, p.pool_id, p.venue, p.kind, p.tokens, p.version,
                       CASE WHEN v.version = p.version THEN NULL ELSE p.state END
                FROM simulated_poolstate p
                CROSS JOIN (SELECT max(number) AS number FROM simulated_block) b
                LEFT JOIN jsonb_each_text(%s::jsonb) AS v(pool_id, version) ON v.pool_id = p.pool_id
                ORDER BY p.position
                """,
                [rows_json({pool_id: version for pool_id, (version, _) in known.items()})],
            )
            rows = cursor.fetchall()
        fresh: dict[str, tuple[str, Pool]] = {}
        for _, _, pool_id, venue, kind, tokens, version, state in rows:
            pool = known[pool_id][1] if state is None else _pool(pool_id, venue, kind, tokens, state)
            fresh[pool_id] = (version, pool)
        with self._lock:
            self._pools = fresh
        return Snapshot(rows[0][0], rows[0][1], tuple(pool for _, pool in fresh.values()))

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
        for pool in self.snapshot().pools:
            for token, atoms in pool.balances().items():
                totals[token] += atoms
        return dict(totals)

    # --- Blocks -------------------------------------------------------------------------------------------

    def load(self, addresses: Sequence[str]) -> Ledger:
        """The state that a block of these addresses may touch. Call under the lock."""
        snapshot = self.snapshot()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT address, next_nonce FROM simulated_chainaccount WHERE address = ANY(%s)", [list(addresses)]
            )
            nonces = {address: int(nonce) for address, nonce in cursor.fetchall()}
        pools = {pool.pool_id: pool for pool in snapshot.pools}
        return Ledger(pools, read_balances(addresses), defaultdict(int, nonces))

    def write_empty_block(self, head: Head, number: int, at: datetime) -> None:
        """Append a block that holds nothing and is like no other: what follows it is another branch."""
        block_hash = _hash(f"{head.block_hash}/{number}/{secrets.token_hex(16)}")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO simulated_block (number, block_hash, parent_hash, at, is_empty)"
                " VALUES (%s, %s, %s, %s, true)",
                [number, block_hash, head.block_hash, at],
            )

    def write_block(
        self, head: Head, number: int, at: datetime, before: Ledger, after: Ledger, executed: Sequence[Executed]
    ) -> None:
        """Append a block: its transactions, and what they changed. Call under the lock."""
        hashes = "".join(item.tx_hash for item in executed)
        block_hash = _hash(f"{head.block_hash}/{number}/{hashes}")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO simulated_block (number, block_hash, parent_hash, at) VALUES (%s, %s, %s, %s)",
                [number, block_hash, head.block_hash, at],
            )
            self._include(cursor, number, executed)
        self._write_pools(
            [pool for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]], block_hash
        )
        changed = {key: atoms for key, atoms in after.balances.items() if atoms != before.balances.get(key, 0)}
        nonces = {address: n for address, n in after.nonces.items() if n != before.nonces.get(address, 0)}
        write_accounts(changed, nonces)

    def receipts(self, tx_hashes: Sequence[str]) -> dict[str, Receipt]:
        """Receipts of those that are included, with `confirmations` still to be counted (1)."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT t.tx_hash, t.block_number, b.block_hash, t.code, t.detail, t.amount_in, t.amount_out, t.route,
                       t.fee_paid
                FROM simulated_chaintransaction t JOIN simulated_block b ON b.number = t.block_number
                WHERE t.tx_hash = ANY(%s) AND t.state = 'included'
                """,
                [list(tx_hashes)],
            )
            return {row[0]: _receipt(row) for row in cursor.fetchall()}

    def block_time(self, number: int) -> tuple[int, datetime]:
        """The newest block that is not after `number`: its own number, and when it was made."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, at FROM simulated_block WHERE number <= %s ORDER BY number DESC LIMIT 1", [number]
            )
            row: tuple[int, datetime] = cursor.fetchone()
            return row

    def _include(self, cursor: Any, number: int, executed: Sequence[Executed]) -> None:
        cursor.execute(
            """
            UPDATE simulated_chaintransaction t
            SET state = 'included', block_number = %s, code = v.code, detail = v.detail, amount_in = v.amount_in,
                amount_out = v.amount_out, route = v.route, fee_paid = v.fee_paid
            FROM jsonb_to_recordset(%s::jsonb)
                AS v(tx_hash text, code text, detail text, amount_in numeric, amount_out numeric, route jsonb,
                     fee_paid bigint)
            WHERE t.tx_hash = v.tx_hash
            """,
            [
                number,
                rows_json(
                    {
                        "tx_hash": item.tx_hash,
                        "code": item.code,
                        "detail": item.detail,
                        "amount_in": item.amount_in,
                        "amount_out": item.amount_out,
                        "route": encode_route(item.route) if item.route else None,
                        "fee_paid": item.fee_paid,
                    }
                    for item in executed
                ),
            ],
        )

    def _write_genesis(self) -> None:
        ledger = self._market.genesis()
        block_hash = _hash(f"genesis/{sorted(ledger.balances.items())}")
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

    def _write_pools(self, pools: Sequence[Pool], version: str) -> None:
        if pools:
            with connection.cursor() as cursor:
                cursor.execute(
                    """
                    UPDATE simulated_poolstate p SET state = v.state, version = %s
                    FROM jsonb_each(%s::jsonb) AS v(pool_id, state) WHERE p.pool_id = v.pool_id
                    """,
                    [version, rows_json({pool.pool_id: pool.to_state() for pool in pools})],
                )


def _pool(pool_id: str, venue: str, kind: str, tokens: str, state: str) -> Pool:
    return pool_from_state(kind, pool_id, venue, tuple(json.loads(tokens)), json.loads(state))


def _hash(text: str) -> str:
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def _receipt(row: Sequence[Any]) -> Receipt:
    tx_hash, number, block_hash, code, detail, amount_in, amount_out, encoded, fee_paid = row
    route = None if encoded is None else decode_route(json.loads(encoded))
    amounts = int(amount_in), int(amount_out)
    return Receipt(tx_hash, number, block_hash, code is None, code, detail, *amounts, route, 1, fee_paid=fee_paid)
