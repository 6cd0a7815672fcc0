"""Pools that are opened on the simulated chain after its genesis, each in a block of its own, and when that was."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import connection

from dex.chains.simulated.accounts import read_balances, rows_json
from dex.chains.simulated.blocks import Head, hash_text
from dex.chains.simulated.market import FAUCET, VALUE_SCALE, GenesisMarket, open_pool
from dex.pools import POOL_KINDS, Pool
from dex.types import PPM
from dex.venues import VENUES

MOST_NAME = 64
# What it holds comes from the faucet, so that no atom is made. A reorg gives it back, and forgets the pool.
_OPEN = """
    WITH v AS (
        SELECT * FROM jsonb_to_recordset(%(held)s::jsonb) AS v(token text, atoms numeric)
    ), expired AS (
        DELETE FROM simulated_undo WHERE number <= %(forgotten)s::bigint
    ), undo AS (
        INSERT INTO simulated_undo (number, pools, balances, nonces, is_doomed)
        SELECT %(number)s::bigint, jsonb_build_array(jsonb_build_array(%(pool_id)s::text, null, null)),
               jsonb_agg(jsonb_build_array(b.address, b.token, b.atoms)), '{}', false
        FROM simulated_balance b JOIN v USING (token) WHERE b.address = %(faucet)s::text
    ), block AS (
        INSERT INTO simulated_block (number, block_hash, parent_hash, at)
        VALUES (%(number)s::bigint, %(block_hash)s::text, %(parent_hash)s::text, %(at)s::timestamptz)
    ), given AS (
        UPDATE simulated_balance b SET atoms = b.atoms - v.atoms
        FROM v WHERE b.address = %(faucet)s::text AND b.token = v.token
    )
    INSERT INTO simulated_poolstate (pool_id, position, venue, kind, tokens, state, version, born_at)
    SELECT %(pool_id)s::text, max(position) + 1, %(venue)s::text, %(kind)s::text, %(tokens)s::jsonb,
           %(state)s::jsonb, %(block_hash)s::text, %(at)s::timestamptz
    FROM simulated_poolstate
"""
_BIRTHS = """
    SELECT pool_id, floor(extract(epoch FROM born_at))::bigint FROM simulated_poolstate
    WHERE pool_id = ANY(%s::text[]) AND born_at >= to_timestamp(%s)
"""


def described_pool(
    market: GenesisMarket, pool_id: str, venue: str, tokens: Sequence[str], usd: str, fee_ppm: int
) -> Pool:
    """The pool that a demand asks for, at the reference prices. Raises: ValueError for one that cannot be."""
    known = {token.symbol: token for token in market.tokens}
    if not 0 < len(pool_id) <= MOST_NAME:
        raise ValueError(f"a pool's name has 1 to {MOST_NAME} characters")
    if venue not in VENUES:
        raise ValueError(f"there is no venue {venue}; there are {', '.join(sorted(VENUES))}")
    if unknown := [symbol for symbol in tokens if symbol not in known]:
        raise ValueError(f"there is no token {unknown[0]}; there are {', '.join(known)}")
    if len(set(tokens)) != len(tokens) or len(tokens) < 2:
        raise ValueError("a pool has two tokens or more, each once")
    if not 0 <= fee_ppm < PPM:
        raise ValueError("a fee is less than the whole")
    kind = POOL_KINDS[VENUES[venue].pool_kind]
    line = {"pool": pool_id, "venue": venue, "kind": kind.name, "tokens": list(tokens), "usd": usd, "fee_ppm": fee_ppm}
    values = {symbol: Fraction(token.value or 0, VALUE_SCALE * 10**token.decimals) for symbol, token in known.items()}
    try:
        pool = open_pool({**kind.example, **line}, known, values)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{venue} cannot open it: {error}") from error
    if any(atoms <= 0 for atoms in pool.balances().values()):
        raise ValueError(f"{usd} US dollars are too few for a pool")
    return pool


def write_opening(head: Head, number: int, at: datetime, pool: Pool, kept: int) -> None:
    """Append the block that opens a pool. Call under the lock. Raises: ValueError for one that is there already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM simulated_poolstate WHERE pool_id = %s", [pool.pool_id])
        if cursor.fetchone() is not None:
            raise ValueError(f"there is a pool {pool.pool_id} already")
        balances, held = read_balances([FAUCET]), pool.balances()
        if poor := [token for token, atoms in held.items() if balances[FAUCET, token] < atoms]:
            raise ValueError(f"the faucet has too little {poor[0]} for it")
        values: dict[str, Any] = {
            "number": number,
            "block_hash": hash_text(f"{head.block_hash}/{number}/opens {pool.pool_id}"),
            "parent_hash": head.block_hash,
            "at": at,
            "forgotten": number - kept,
            "faucet": FAUCET,
            "held": rows_json({"token": token, "atoms": atoms} for token, atoms in held.items()),
            "pool_id": pool.pool_id,
            "venue": pool.venue,
            "kind": pool.kind,
            "tokens": json.dumps(pool.tokens),
            "state": rows_json(pool.to_state()),
        }
        cursor.execute(_OPEN, values)


def read_births(pool_ids: Collection[str], since: int) -> Mapping[str, int]:
    """When pools were opened, in unix seconds, of those that were from `since` on; none was with the genesis."""
    with connection.cursor() as cursor:
        cursor.execute(_BIRTHS, [list(pool_ids), since])
        return dict(cursor.fetchall())
