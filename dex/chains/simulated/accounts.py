"""The rows of addresses on the simulated chain: balances in atoms, and next nonces."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection


def next_nonce(wallet: str) -> int | None:
    """The wallet's next nonce, None for an address the chain has not seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT next_nonce FROM simulated_chainaccount WHERE address = %s", [wallet])
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def standings(wallets: Sequence[str], final: int, window: int) -> dict[str, tuple[int, int]]:
    """Each wallet's next nonce, and the first that no block up to `final` used.

    A wallet has at most `window` transactions in blocks that are not final.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.address, a.next_nonce, coalesce((
                SELECT min(t.nonce) FROM simulated_chaintransaction t
                WHERE t.wallet = a.address AND t.nonce >= a.next_nonce - %s AND t.state = 'included'
                    AND t.block_number > %s), a.next_nonce)
            FROM simulated_chainaccount a WHERE a.address = ANY(%s)
            """,
            [window, final, list(wallets)],
        )
        return {address: (int(latest), int(settled)) for address, latest, settled in cursor.fetchall()}


def read_balances(addresses: Iterable[str], token: str | None = None) -> dict[tuple[str, str], int]:
    """Atoms by (address, token), of every token or of one; zero for a token that an address never held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT address, token, atoms FROM simulated_balance"
            " WHERE address = ANY(%s) AND token = coalesce(%s, token)",
            [list(addresses), token],
        )
        return defaultdict(int, {(address, token): int(atoms) for address, token, atoms in cursor.fetchall()})


def write_accounts(balances: Mapping[tuple[str, str], int], nonces: Mapping[str, int]) -> None:
    """Store balances by (address, token) in atoms, and next nonces by address."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO simulated_balance (address, token, atoms)
            SELECT * FROM jsonb_to_recordset(%s::jsonb) AS v(address text, token text, atoms numeric)
            ON CONFLICT (address, token) DO UPDATE SET atoms = excluded.atoms
            """,
            [
                rows_json(
                    {"address": address, "token": token, "atoms": atoms} for (address, token), atoms in balances.items()
                )
            ],
        )
        cursor.execute(
            """
            INSERT INTO simulated_chainaccount (address, next_nonce)
            SELECT key, value::bigint FROM jsonb_each_text(%s::jsonb)
            ON CONFLICT (address) DO UPDATE SET next_nonce = excluded.next_nonce
            """,
            [rows_json(nonces)],
        )


def rows_json(rows: Iterable[Mapping[str, Any]] | Mapping[str, Any]) -> str:
    """One parameter for many rows: psycopg's arrays cost thirty times as much. Atoms may pass 64 bits."""
    return json.dumps(rows if isinstance(rows, Mapping) else list(rows), separators=(",", ":"))
