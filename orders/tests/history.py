"""Orders that have ended, in any number: for tests of plans, and for the benchmark of large tables.

Rows go in by COPY, as services would have left them. What is rare in them is old, which is where a search from the
newest row on takes longest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from orders.models import Account, Wallet

EVENTS = ("PENDING", "ROUTING", "BUILDING", "SUBMITTED")
# One of every this many orders; the first that fits.
PAIRS = ((10, ("ETH", "USDC")), (4, ("USDC", "SOL")), (1, ("SOL", "USDC")))
OUTCOMES = ((97, "expired"), (41, "slippage"), (23, "cancelled"))
TAGS = ((4, {"book": "eu"}), (9, {"book": "us", "desk": "7"}))
# This many, of the oldest orders only.
RARE = 5
RARE_PAIR, RARE_OUTCOME, RARE_TAG = ("mSOL", "BONK"), "poison", {"campaign": "first"}
AT_ONCE = 50_000
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class History:
    """Orders of an account, evenly over the days up to `until`; every 50th is of another account."""

    account: Account
    wallet: Wallet
    other: Account
    count: int
    until: datetime
    days: int = 180
    route: str | None = None

    def at(self, i: int) -> datetime:
        """When an order was placed."""
        return self.until - timedelta(microseconds=self.days * 86_400_000_000 * (self.count - i) // self.count)

    def order_id(self, i: int) -> UUID:
        """A UUIDv7 of that time."""
        ms = int(self.at(i).timestamp() * 1000)
        return UUID(int=ms << 80 | 0x7 << 76 | 0x8 << 60 | i)

    def own_id(self, i: int) -> str | None:
        """The caller's id, of every third."""
        return f"own-{i}" if i % 3 == 0 else None

    def pair(self, i: int) -> tuple[str, str]:
        """What for what."""
        return RARE_PAIR if i < RARE else next(pair for every, pair in PAIRS if i % every == 0)

    def outcome(self, i: int) -> str:
        """How it ended."""
        if RARE <= i < 2 * RARE:
            return RARE_OUTCOME
        return next((word for every, word in OUTCOMES if i % every == 0), "filled")

    def tags(self, i: int) -> dict[str, str]:
        """Of most orders."""
        return RARE_TAG if 2 * RARE <= i < 3 * RARE else next((tags for every, tags in TAGS if i % every == 0), {})

    def owner(self, i: int) -> Account:
        """The account."""
        return self.other if i % 50 == 49 else self.account


def load_history(history: History, numbers: range | None = None) -> None:
    """Store the orders, or those of these numbers, with five events each, a fill and a transaction; then analyse."""
    wanted = range(history.count) if numbers is None else numbers
    for first in range(wanted.start, wanted.stop, AT_ONCE):
        numbers = range(first, min(wanted.stop, first + AT_ONCE))
        with transaction.atomic(), connection.cursor() as cursor:
            # As long as it takes. Triggers look for the second, and finding none costs them more than all they do.
            cursor.execute(
                "SELECT set_config('statement_timeout', '0', true), set_config('pgtrigger.ignore', '{}', true)"
            )
            for table, columns, rows in _tables(history, numbers):
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write(row)
    with connection.cursor() as cursor:
        for table in ("order", "orderevent", "orderlabel", "fill", "submission", "signedtransaction"):
            cursor.execute(f"ANALYZE orders_{table}")


def _tables(history: History, numbers: range) -> Iterator[tuple[str, str, Iterator[str]]]:
    yield (
        "orders_order",
        "id, account_id, client_order_id, request_hash, chain_id, order_type, side, token_in, token_out, decimals_in,"
        " decimals_out, amount, terms, status, outcome, attempt, seq, failure, route, amount_in, amount_out, tx_hash,"
        " due_at, claim_count, created_at, updated_at",
        (_order(history, i) for i in numbers),
    )
    yield (
        "orders_orderevent",
        "order_id, account_id, seq, status, attempt, outcome, data, at, took_ms",
        (_events(history, i) for i in numbers),
    )
    yield (
        "orders_submission",
        "id, order_id, wallet_id, nonce, opened_at, closed_at",
        (
            f"{history.order_id(i)}\t{history.order_id(i)}\t{history.wallet.pk}\t{i}\t{history.at(i)}\t{history.at(i)}\n"
            for i in numbers
        ),
    )
    yield (
        "orders_signedtransaction",
        "submission_id, raw, tx_hash, deadline, created_at",
        (f"{history.order_id(i)}\t\\\\x00\t{_hash(i)}\t1\t{history.at(i)}\n" for i in numbers),
    )
    yield (
        "orders_fill",
        "order_id, leg, amount_in, amount_out, hops, tx_hash, block_number, block_hash, created_at",
        (_fill(history, i) for i in numbers if history.outcome(i) == "filled"),
    )


def _hash(i: int) -> str:
    return f"0x{i:064x}"


def _order(history: History, i: int) -> str:
    at, outcome, (token_in, token_out) = history.at(i), history.outcome(i), history.pair(i)
    is_filled = outcome == "filled"
    terms = {"v": 2, "max_slippage_ppm": 5_000, "tags": history.tags(i)}
    failure = None if is_filled else {"code": outcome, "detail": "as it was"}
    values: tuple[Any, ...] = (
        history.order_id(i), history.owner(i).pk, history.own_id(i), "\\\\x00", "simulated", "market", "exact_in",
        token_in, token_out, 9, 6, 10**9, _json(terms), "CONFIRMED" if is_filled else "FAILED", outcome, 1, 5,
        _json(failure), history.route if is_filled else None, 10**9 if is_filled else None,
        150_000_000 if is_filled else None, _hash(i), at, 0, at, at,
    )  # fmt: skip
    return "\t".join("\\N" if value is None else str(value) for value in values) + "\n"


def _events(history: History, i: int) -> str:
    at, outcome, order_id, owner = history.at(i), history.outcome(i), history.order_id(i), history.owner(i).pk
    last = "CONFIRMED" if outcome == "filled" else "FAILED"
    return "".join(
        f"{order_id}\t{owner}\t{seq}\t{status}\t1\t{outcome if seq == 5 else chr(92) + 'N'}\t{{}}\t{at}\t10\n"
        for seq, status in enumerate((*EVENTS, last), start=1)
    )


def _fill(history: History, i: int) -> str:
    values = (history.order_id(i), 0, 10**9, 150_000_000, "[]", _hash(i), i // 10, _hash(i // 10), history.at(i))
    return "\t".join(map(str, values)) + "\n"


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode().replace("\\", "\\\\")
