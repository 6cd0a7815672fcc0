"""Transactions that wait for a block: taken in by hash, several at one nonce when the later one has bumped fees."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db import connection

from dex.chains.simulated.fees import NATIVE, fee_of, shown
from dex.chains.simulated.transaction import Transaction
from dex.errors import BroadcastTimeout, ChainUnavailable, DexError, InsufficientFunds, NonceTaken, Underpriced
from dex.types import SignedTransaction

# As orderengine.postgres makes it, of which Django's stubs know nothing: what is said by `later` goes out together.
session: Any = connection

MAX_BLOCK_TRANSACTIONS = 1_000
# In which state a transaction begins, by the fault that its order asked for; any other is pending. So is what replaces
# a stuck one.
FIRST_STATES = {"network": "unseen", "dropped": "forgotten", "stuck": "stuck", "race": "stuck"}


class Incoming(NamedTuple):
    """Bytes on their way in, the state that they begin in, for how long blocks leave them out, and what a block takes.

    `fee` is atoms of the native token. One that `races` what it replaces lets blocks take that as well.
    """

    signed: SignedTransaction
    state: str
    hold_s: float
    fee: int
    races: bool = False


class Waiting(NamedTuple):
    """A transaction that a block could take."""

    tx_hash: str
    raw: bytes
    taken_back_count: int


class Arrival(NamedTuple):
    """What a broadcast found: how often these bytes have come by now, or why the nonce is not theirs.

    `is_replacement` says that others had come with the nonce before.
    """

    broadcast_count: int
    is_replacement: bool = False
    refusal: DexError | None = None


class Mempool:
    """Reads and writes of what waits. Needs no lock: only blocks change state."""

    def receive(
        self, incoming: Sequence[Incoming], lock: int | None = None
    ) -> Callable[[], tuple[list[Arrival], bool]]:
        """Take bytes in; bytes that came before are pending from now on unless they are included.

        What is not pending yet must find enough in its wallet for its fee, as blocks have left it. With `lock` the
        transaction holds that advisory lock from here on: its next statement sees what was committed before. What they
        found is known when it is called for, and with it whether a statement behind them has seen all that they did.
        """
        answer = self._receive(incoming, lock)
        return lambda: self._received(incoming, _arrived(answer))

    def _received(self, incoming: Sequence[Incoming], arrived: dict[str, Arrival]) -> tuple[list[Arrival], bool]:
        missing = [item for item in incoming if item.signed.tx_hash not in arrived]
        if missing:
            # The wallet is too poor, others have the nonce, or a rival brought the same bytes at this very moment.
            arrived |= _arrived(self._receive(missing))
        races = [item for item in incoming if item.races]
        for item in races:
            if (arrival := arrived.get(item.signed.tx_hash)) and arrival.is_replacement:
                self._release(item.signed.wallet, item.signed.nonce)
        arrivals = [arrived.get(item.signed.tx_hash) or Arrival(0, refusal=self._refusal(item)) for item in incoming]
        return arrivals, not (missing or races)

    def size(self) -> int:
        """How many transactions wait, held ones included."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM simulated_chaintransaction WHERE state = 'pending'")
            return int(cursor.fetchone()[0])

    def drop(self, tx_hashes: Sequence[str], state: str) -> None:
        """Make pending ones `replaced`, since another transaction has used their nonce, or `forgotten`."""
        if tx_hashes:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE simulated_chaintransaction SET state = %s WHERE tx_hash = ANY(%s) AND state = 'pending'",
                    [state, list(tx_hashes)],
                )

    def _release(self, wallet: str, nonce: int) -> None:
        """Let blocks take what had too low a fee at this nonce."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE simulated_chaintransaction SET state = 'pending'"
                " WHERE wallet = %s AND nonce = %s AND state = 'stuck'",
                [wallet, nonce],
            )

    def _receive(self, incoming: Sequence[Incoming], lock: int | None = None) -> Any:
        rows = json.dumps(_rows(incoming), separators=(",", ":"))
        return session.later(_RECEIVE, {"rows": rows, "native": NATIVE, "lock": lock})

    def _refusal(self, item: Incoming) -> DexError:
        wallet, nonce = item.signed.wallet, item.signed.nonce
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM simulated_chaintransaction"
                " WHERE wallet = %s AND nonce = %s AND state = 'included'),"
                " coalesce((SELECT atoms FROM simulated_balance WHERE address = %s AND token = %s), 0)",
                [wallet, nonce, wallet, NATIVE],
            )
            is_used, held = cursor.fetchone()
        if is_used:
            return NonceTaken(f"nonce {nonce} is used: nonce too low")
        if held < item.fee:
            return InsufficientFunds(f"the wallet holds {shown(held)}, and the network fee is {shown(item.fee)}")
        return Underpriced("another transaction waits at this nonce: replacement transaction underpriced")


# What a block of `most` transactions could take, and what has come too late; the oldest nonces of each wallet first.
# Without what waits for another nonce of its wallet. Where there is too much, all wallets get as much: `place` is the
# number of its nonce in its wallet's row, of those that are used, or of those that are not.
PENDING = """
    WITH waiting AS (
        SELECT t.tx_hash, t.raw, t.taken_back_count, t.wallet, t.nonce, coalesce(a.next_nonce, 0) AS turn,
               dense_rank() OVER (PARTITION BY t.wallet, t.nonce < coalesce(a.next_nonce, 0) ORDER BY t.nonce) AS place
        FROM simulated_chaintransaction t LEFT JOIN simulated_chainaccount a ON a.address = t.wallet
        WHERE t.state = 'pending' AND (t.hold_until IS NULL OR t.hold_until <= now())
    )
    SELECT tx_hash, raw, taken_back_count, wallet, nonce FROM waiting
    WHERE nonce < turn + place ORDER BY place, wallet, nonce LIMIT %(most)s::int
"""

# A replacement needs an eighth more of both fees than each transaction that waits at its nonce (`Fees.can_replace`).
_RECEIVE = """
    WITH locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock(%(lock)s::bigint)  -- locks nothing where that is null
    ), v AS (
        SELECT v.*, coalesce(b.atoms, 0) >= v.fee AS can_pay,
               rank() OVER (PARTITION BY wallet, nonce ORDER BY max_fee) > 1 OR EXISTS (
                   SELECT FROM simulated_chaintransaction t
                   WHERE t.wallet = v.wallet AND t.nonce = v.nonce AND t.tx_hash <> v.tx_hash) AS is_replacement
        FROM locked CROSS JOIN jsonb_to_recordset(%(rows)s::jsonb)
            AS v(tx_hash text, wallet text, nonce bigint, raw bytea, max_fee bigint, priority_fee bigint,
                 state text, hold_s float8, fee numeric)
        LEFT JOIN (SELECT address, atoms FROM simulated_balance WHERE token = %(native)s::text) b
            ON b.address = v.wallet
    ), fresh AS (
        INSERT INTO simulated_chaintransaction
            (tx_hash, wallet, nonce, raw, max_fee, priority_fee, state, hold_until, broadcast_count, detail)
        SELECT tx_hash, wallet, nonce, raw, max_fee, priority_fee,
               CASE WHEN state = 'stuck' AND is_replacement THEN 'pending' ELSE state END,
               CASE WHEN hold_s > 0 THEN now() + hold_s * interval '1 second' END, 1, ''
        FROM v WHERE v.can_pay AND NOT EXISTS (
            SELECT FROM simulated_chaintransaction t
            WHERE t.wallet = v.wallet AND t.nonce = v.nonce AND (
                t.state = 'included' OR t.state IN ('pending', 'stuck')
                AND (v.max_fee * 8 < t.max_fee * 9 OR v.priority_fee * 8 < t.priority_fee * 9)))
        ON CONFLICT DO NOTHING
        RETURNING tx_hash, 1 AS broadcast_count
    ), known AS (
        UPDATE simulated_chaintransaction t
        SET broadcast_count = t.broadcast_count + 1,
            state = CASE WHEN t.state IN ('unseen', 'forgotten', 'replaced') AND NOT EXISTS (
                        SELECT FROM simulated_chaintransaction o
                        WHERE o.wallet = t.wallet AND o.nonce = t.nonce AND o.state = 'included')
                    THEN 'pending' ELSE t.state END
        FROM v WHERE t.tx_hash = ANY(ARRAY(SELECT tx_hash FROM v)) AND t.tx_hash = v.tx_hash
            AND (v.can_pay OR t.state NOT IN ('unseen', 'forgotten', 'replaced'))
        RETURNING t.tx_hash, t.broadcast_count
    )
    SELECT tx_hash, broadcast_count, is_replacement, set_config('synchronous_commit', 'off', true)
    FROM (SELECT * FROM fresh UNION ALL SELECT * FROM known) arrived JOIN v USING (tx_hash)
"""


def _arrived(answer: Any) -> dict[str, Arrival]:
    return {tx_hash: Arrival(count, is_replacement) for tx_hash, count, is_replacement, _ in answer.rows()}


def _rows(incoming: Sequence[Incoming]) -> list[dict[str, Any]]:
    rows = [
        {
            "tx_hash": signed.tx_hash,
            "wallet": signed.wallet,
            "nonce": signed.nonce,
            "raw": "\\x" + signed.raw.hex(),
            "max_fee": signed.fees.max_fee,
            "priority_fee": signed.fees.priority_fee,
            "state": state,
            "hold_s": hold_s,
            "fee": fee,
        }
        for signed, state, hold_s, fee, _ in incoming
    ]
    return sorted(rows, key=lambda row: str(row["tx_hash"]))


def incoming(signed: SignedTransaction, transaction: Transaction, slow_s: float) -> Incoming:
    """How a transaction arrives; a slow one is left out of blocks for `slow_s`."""
    hold_s = slow_s if transaction.scenario == "slow" else 0.0
    state, fee = FIRST_STATES.get(transaction.scenario, "pending"), fee_of(transaction.intent)
    return Incoming(signed, state, hold_s, fee, races=transaction.scenario == "race")


def answer_to(scenario: str, arrival: Arrival) -> DexError | None:
    """What the sender of a transaction is told, with the fault that its order asked for."""
    if arrival.refusal is not None:
        return arrival.refusal
    if arrival.broadcast_count > 1:
        return None
    if scenario == "network":
        return ChainUnavailable("the connection to the chain broke before anything was sent")
    if scenario == "timeout":
        return BroadcastTimeout("the chain took the transaction and did not answer")
    return None
