"""What a block needs, read in one statement, and what it changes, written in another: both under the chain's lock."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from dex.chains.simulated import mempool
from dex.chains.simulated.accounts import rows_json
from dex.chains.simulated.ledger import Executed, Ledger
from dex.chains.simulated.mempool import session
from dex.chains.simulated.transaction import encode_route
from dex.pools import Pool, pool_from_state
from dex.types import Receipt


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


# As a row of `Head`.
HEAD = """
    SELECT number, block_hash, at, clock_timestamp() AS now, EXISTS (
        SELECT FROM simulated_chaintransaction t
        LEFT JOIN simulated_chainaccount a ON a.address = t.wallet
        WHERE t.state = 'pending' AND (t.hold_until IS NULL OR t.hold_until <= now())
            AND t.nonce <= coalesce(a.next_nonce, 0)) AS has_pending,
        (SELECT min(number) FROM simulated_undo WHERE is_doomed) AS doomed
    FROM simulated_block ORDER BY number DESC LIMIT 1
"""
# Of a head `h`: whether the known block is one of those that it follows, and not long ago; then the pools that later
# blocks have changed, else all of them, in their order. The limit has the blocks found by index in every plan.
_MOST_BLOCKS = 1_000
_POOLS = f"""
    k.is_known, (
    SELECT json_agg(json_build_array(p.pool_id, p.kind, p.venue, p.tokens, p.state) ORDER BY p.position)
    FROM simulated_poolstate p WHERE NOT k.is_known OR p.version IN (
        SELECT block_hash FROM simulated_block WHERE number > %(number)s::bigint ORDER BY number LIMIT {_MOST_BLOCKS})
    )::text"""
_KNOWN = f"""
    CROSS JOIN LATERAL (
        SELECT h.number - %(number)s::bigint <= {_MOST_BLOCKS} AND EXISTS (
            SELECT FROM simulated_block WHERE number = %(number)s::bigint AND block_hash = %(block_hash)s::text
        ) AS is_known) k"""
_VIEW = f"""
    SELECT h.*, {_POOLS}, (
        SELECT json_object_agg(address, atoms) FROM simulated_balance
        WHERE token = %(token)s::text AND address = ANY(%(wallets)s::text[]))::text
    FROM ({HEAD}) h {_KNOWN}
"""
# `has_pending` of the head is what `pending` finds.
_WORK = f"""
    WITH pending AS MATERIALIZED ({mempool.PENDING}), party AS MATERIALIZED (
        SELECT DISTINCT wallet AS address FROM pending UNION SELECT unnest(%(others)s::text[])
    )
    SELECT h.*, {_POOLS},
        (SELECT json_agg(json_build_array(tx_hash, encode(raw, 'hex'), taken_back_count) ORDER BY wallet, nonce)
         FROM pending)::text,
        (SELECT json_object_agg(address, next_nonce) FROM simulated_chainaccount JOIN party USING (address))::text,
        (SELECT json_agg(json_build_array(address, token, atoms)) FROM simulated_balance JOIN party USING (address)
        )::text
    FROM ({HEAD}) h {_KNOWN}
"""


class Known(NamedTuple):
    """All pools in their order, as they are after a block."""

    number: int
    block_hash: str
    pools: Mapping[str, Pool]

    @property
    def block(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return {"number": self.number, "block_hash": self.block_hash}


NOTHING_KNOWN = Known(-1, "", {})


class Work(NamedTuple):
    """What a block is made of: the head that it follows, what waits for it, and the state that this may touch."""

    head: Head
    waiting: list[mempool.Waiting]
    known: Known
    before: Ledger


def read_head() -> Head | None:
    """The newest block, None before genesis."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD)
        row = cursor.fetchone()
    return None if row is None else Head(*row)


class View(NamedTuple):
    """The newest block, the pools after it, and what some wallets hold of one token."""

    head: Head
    known: Known
    held: dict[str, int]


def read_view(known: Known, token: str, wallets: Collection[str]) -> View:
    """All at one moment. States of pools are read only where they changed."""
    return _view(known, session.rows(_VIEW, _of(known, token, wallets)))


def ask_view(known: Known, token: str, wallets: Collection[str]) -> Callable[[], View | None] | None:
    """The same with what this session is asked next; None, now or then, where it does not come with that."""
    answer = session.ahead(_VIEW, _of(known, token, wallets))
    return None if answer is None else lambda: _view(known, answer.rows()) if answer.has_come else None


def _of(known: Known, token: str, wallets: Collection[str]) -> dict[str, Any]:
    return {**known.block, "token": token, "wallets": list(wallets)}


def _view(known: Known, rows: Sequence[Sequence[Any]]) -> View:
    [(*columns, is_known, pools, held)] = rows
    head = Head(*columns)
    return View(head, _followed(known, head, pools, is_known=is_known), json.loads(held or "{}"))


def read_work(known: Known, others: Sequence[str]) -> Callable[[], Work]:
    """All that the next block needs, with the accounts of those whose transactions wait and of `others`.

    It is read with the transaction's next statement, or when it is called for.
    """
    values: dict[str, Any] = {**known.block, "others": list(others), "most": mempool.MAX_BLOCK_TRANSACTIONS}
    answer = session.later(_WORK, values)
    return lambda: _work(known, *answer.rows()[0])


def _work(known: Known, *row: Any) -> Work:
    *columns, is_known, pools, pending, nonces, balances = row
    head = Head(*columns)
    followed = _followed(known, head, pools, is_known=is_known)
    before = Ledger(
        dict(followed.pools),
        defaultdict(int, {(address, token): int(atoms) for address, token, atoms in json.loads(balances or "[]")}),
        defaultdict(int, json.loads(nonces or "{}")),
    )
    waiting = [
        mempool.Waiting(tx_hash, bytes.fromhex(raw), count) for tx_hash, raw, count in json.loads(pending or "[]")
    ]
    return Work(head, waiting, followed, before)


def _followed(known: Known, head: Head, changed: str | None, *, is_known: bool) -> Known:
    """The pools after a head: those of `changed`, and where the known block leads to it the others as they were."""
    told = {
        pool_id: pool_from_state(kind, pool_id, venue, tuple(tokens), state)
        for pool_id, kind, venue, tokens, state in json.loads(changed or "[]")
    }
    return Known(head.number, head.block_hash, {**known.pools, **told} if is_known else told)


# Transactions are found by the array, by index: for a join alone PostgreSQL reads a table of some thousand rows whole.
_WRITE = """
    WITH expired AS (
        DELETE FROM simulated_undo WHERE number <= %(forgotten)s::bigint
    ), undo AS (
        INSERT INTO simulated_undo (number, pools, balances, nonces, is_doomed)
        SELECT %(number)s::bigint, coalesce(jsonb_agg(jsonb_build_array(p.pool_id, p.state, p.version)), '[]'),
               %(old_balances)s::jsonb, %(old_nonces)s::jsonb, %(is_doomed)s::boolean
        FROM simulated_poolstate p JOIN jsonb_each(%(pools)s::jsonb) AS v(pool_id, state) USING (pool_id)
    ), block AS (
        INSERT INTO simulated_block (number, block_hash, parent_hash, at)
        VALUES (%(number)s::bigint, %(block_hash)s::text, %(parent_hash)s::text, %(at)s::timestamptz)
    ), v AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(executed)s::jsonb)
            AS v(tx_hash text, code text, detail text, amount_in numeric, amount_out numeric, route jsonb,
                 fee_paid bigint)
    ), included AS (
        UPDATE simulated_chaintransaction t
        SET state = 'included', block_number = %(number)s::bigint, code = v.code, detail = v.detail,
            amount_in = v.amount_in, amount_out = v.amount_out, route = v.route, fee_paid = v.fee_paid
        FROM v WHERE t.tx_hash = ANY(ARRAY(SELECT tx_hash FROM v)) AND t.tx_hash = v.tx_hash
    ), pools AS (
        UPDATE simulated_poolstate p SET state = v.state, version = %(block_hash)s::text
        FROM jsonb_each(%(pools)s::jsonb) AS v(pool_id, state) WHERE p.pool_id = v.pool_id
    ), balances AS (
        INSERT INTO simulated_balance (address, token, atoms)
        SELECT * FROM jsonb_to_recordset(%(balances)s::jsonb) AS v(address text, token text, atoms numeric)
        ON CONFLICT (address, token) DO UPDATE SET atoms = excluded.atoms
    )
    INSERT INTO simulated_chainaccount (address, next_nonce)
    SELECT key, value::bigint FROM jsonb_each_text(%(nonces)s::jsonb)
    ON CONFLICT (address) DO UPDATE SET next_nonce = excluded.next_nonce
"""


def write_block(
    head: Head,
    number: int,
    at: datetime,
    before: Ledger,
    after: Ledger,
    executed: Sequence[Executed],
    *,
    is_doomed: bool,
    is_final: bool,
    kept: int,
) -> tuple[Head, dict[str, Receipt]]:
    """Append a block: its transactions, what they changed, and that as it was before, so that a reorg can undo it.

    The head that it is, and the receipts of what it holds, itself counted as a confirmation; `is_final` says whether
    that is enough. What is needed to undo only blocks of more than `kept` ago is forgotten.
    """
    hashes = "".join(item.tx_hash for item in executed)
    block_hash = hash_text(f"{head.block_hash}/{number}/{hashes}")
    balances = {key: atoms for key, atoms in after.balances.items() if atoms != before.balances.get(key, 0)}
    nonces = {address: nonce for address, nonce in after.nonces.items() if nonce != before.nonces.get(address, 0)}
    values: dict[str, Any] = {
        "number": number,
        "block_hash": block_hash,
        "parent_hash": head.block_hash,
        "at": at,
        "is_doomed": is_doomed,
        "forgotten": number - kept,
        "pools": rows_json(
            {pool_id: pool.to_state() for pool_id, pool in after.pools.items() if pool is not before.pools[pool_id]}
        ),
        "executed": rows_json(_columns(item) for item in executed),
        "balances": rows_json({"address": a, "token": t, "atoms": atoms} for (a, t), atoms in balances.items()),
        "nonces": rows_json(nonces),
        "old_balances": json.dumps([[a, t, before.balances.get((a, t))] for a, t in balances]),
        "old_nonces": json.dumps({address: before.nonces.get(address) for address in nonces}),
    }
    session.later(_WRITE, values)
    receipts = {item.tx_hash: _receipt(item, number, block_hash, is_final=is_final) for item in executed}
    return head._replace(number=number, block_hash=block_hash, at=at), receipts


def hash_text(text: str) -> str:
    """The hash of a block, from all that makes it what it is."""
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def _columns(item: Executed) -> dict[str, Any]:
    return {
        "tx_hash": item.tx_hash,
        "code": item.code,
        "detail": item.detail,
        "amount_in": item.amount_in,
        "amount_out": item.amount_out,
        "route": encode_route(item.route) if item.route else None,
        "fee_paid": item.fee_paid,
    }


def _receipt(item: Executed, number: int, block_hash: str, *, is_final: bool) -> Receipt:
    amounts = item.amount_in, item.amount_out
    return Receipt(
        item.tx_hash,
        number,
        block_hash,
        item.code is None,
        item.code,
        item.detail,
        *amounts,
        item.route,
        1,
        is_final,
        item.fee_paid,
    )
