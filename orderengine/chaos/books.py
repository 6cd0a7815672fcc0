"""The promises as questions to the rows: each answers with what breaks it. True at any moment, also between two steps.

Reads the engine's tables, and beside them the simulated chain's own, which the engine cannot write except by broadcast.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any

from dex.chains.simulated.fees import COLLECTOR, NATIVE, fee_of
from dex.chains.simulated.market import GenesisMarket
from dex.chains.simulated.options import SimulatedOptions
from dex.chains.simulated.transaction import decode, decode_route
from dex.execution import tokens_made
from orders.states import TRANSITIONS, OrderStatus, is_terminal

Rows = Callable[[str], Sequence[Sequence[Any]]]

# Each names the offenders; no row is the promise kept.
ALWAYS: dict[str, str] = {
    # One order, at most one success on the chain.
    "executed_twice": """
        SELECT s.order_id, count(*) FROM simulated_chaintransaction c
        JOIN orders_signedtransaction t ON t.tx_hash = c.tx_hash JOIN orders_submission s ON s.id = t.submission_id
        WHERE c.state = 'included' AND c.code IS NULL AND NOT t.is_noop GROUP BY 1 HAVING count(*) > 1
    """,
    # Nothing reaches the chain that is not in the rows before.
    "unrecorded": """
        SELECT c.tx_hash, c.wallet, c.nonce FROM simulated_chaintransaction c
        WHERE NOT EXISTS (SELECT FROM orders_signedtransaction t WHERE t.tx_hash = c.tx_hash)
    """,
    # A wallet's nonces are handed out from 0 without a hole.
    "nonce_gaps": """
        SELECT w.id, w.next_nonce, count(s.id), max(s.nonce) FROM orders_wallet w
        LEFT JOIN orders_submission s ON s.wallet_id = w.id
        GROUP BY w.id HAVING count(s.id) <> w.next_nonce OR coalesce(max(s.nonce) + 1, 0) <> w.next_nonce
    """,
    # CONFIRMED means a success on the chain, in the amounts that the order tells; FAILED that none can come any more.
    "unproven": """
        SELECT o.id, o.status, o.outcome, o.tx_hash FROM orders_order o
        WHERE o.status = 'CONFIRMED' AND NOT o.is_parent AND NOT EXISTS (
            SELECT FROM simulated_chaintransaction c WHERE c.tx_hash = o.tx_hash AND c.state = 'included'
                AND c.code IS NULL AND c.amount_in = o.amount_in AND c.amount_out = o.amount_out)
        UNION ALL
        SELECT o.id, o.status, o.outcome, c.tx_hash FROM orders_order o
        JOIN orders_submission s ON s.order_id = o.id JOIN orders_signedtransaction t ON t.submission_id = s.id
        JOIN simulated_chaintransaction c ON c.tx_hash = t.tx_hash
        WHERE o.status = 'FAILED' AND NOT t.is_noop AND (c.state = 'included' AND c.code IS NULL
            OR c.state <> 'included' AND t.deadline > extract(epoch FROM now()) AND NOT EXISTS (
                SELECT FROM simulated_chaintransaction u
                WHERE u.wallet = c.wallet AND u.nonce = c.nonce AND u.state = 'included'))
    """,
    # From the moment at which a cancel is stored, or an order has ended, nothing is signed but what uses its nonce up.
    # Both times are read behind the order's lock.
    "signed_after_cancel": """
        SELECT o.id, o.status, o.outcome, t.tx_hash FROM orders_order o
        JOIN orders_submission s ON s.order_id = o.id JOIN orders_signedtransaction t ON t.submission_id = s.id
        WHERE NOT t.is_noop AND (t.created_at > o.cancel_requested_at
            OR t.created_at > o.updated_at AND o.status IN ('CONFIRMED', 'FAILED'))
    """,
    "wrong_amounts": """
        SELECT o.id, o.amount_in, o.amount_out, sum(f.amount_in), sum(f.amount_out) FROM orders_order o
        LEFT JOIN orders_fill f ON f.order_id = o.id WHERE o.status = 'CONFIRMED' AND NOT o.is_parent
        GROUP BY o.id HAVING sum(f.amount_in) IS DISTINCT FROM o.amount_in
            OR sum(f.amount_out) IS DISTINCT FROM o.amount_out
    """,
    # No fill is worse than its order's limit price, not by an atom.
    "beyond_limit": """
        SELECT o.id, o.amount_in, o.amount_out, o.terms #>> '{type_terms,limit_price}' FROM orders_order o
        WHERE o.status = 'CONFIRMED' AND NOT o.is_parent
            AND o.amount_out * 10::numeric ^ o.decimals_in::numeric < 10::numeric ^ o.decimals_out::numeric
                * o.amount_in * (o.terms #>> '{type_terms,limit_price}')::numeric
    """,
    # Children never hold more than their parent's amount, and a parent that has ended tells what they have filled.
    "wrong_families": """
        SELECT p.id, p.status, p.outcome, p.amount, p.allotted, c.held, c.live, c.amount_in, c.amount_out
        FROM orders_order p CROSS JOIN LATERAL (
            SELECT coalesce(sum(o.amount) FILTER (WHERE o.outcome IS NULL OR o.status = 'CONFIRMED'), 0) AS held,
                count(*) FILTER (WHERE o.outcome IS NULL) AS live,
                sum(o.amount_in) AS amount_in, sum(o.amount_out) AS amount_out
            FROM orders_order o WHERE o.parent_id = p.id
        ) c
        WHERE p.is_parent AND (c.held > p.allotted OR p.allotted > p.amount OR p.tx_hash IS NOT NULL
            OR p.outcome IS NOT NULL AND (c.live > 0
                OR (p.amount_in, p.amount_out) IS DISTINCT FROM (c.amount_in, c.amount_out)
                OR (p.outcome = 'filled') <> (c.held = p.amount)))
    """,
}
# Once everything has ended and no worker runs any more.
AT_THE_END: dict[str, str] = {
    "lost": """
        SELECT id, order_type, status, due_at, lease_until FROM orders_order
        WHERE status NOT IN ('CONFIRMED', 'FAILED')""",
    "nonce_gaps": """
        SELECT w.id, w.next_nonce, a.next_nonce FROM orders_wallet w
        LEFT JOIN simulated_chainaccount a ON a.address = w.address WHERE a.next_nonce IS DISTINCT FROM w.next_nonce
    """,
    # An open submission that no stage claims any more.
    "unproven": """
        SELECT order_id, wallet_id, nonce FROM orders_submission WHERE closed_at IS NULL
    """,
}


def breaches(rows: Rows, *, is_over: bool) -> dict[str, list[str]]:
    """What is broken, by promise; empty when all hold. `is_over` asks the questions of the end as well."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, question in [*ALWAYS.items(), *(AT_THE_END.items() if is_over else ())]:
        found[name] += [", ".join(map(str, row)) for row in rows(question)]
    found["illegal_events"] += illegal_events(rows)
    return {name: offenders for name, offenders in found.items() if offenders}


def illegal_events(rows: Rows) -> list[str]:
    """Orders whose log does not replay: a hole, an edge outside the table, or another end than the row's."""
    orders = {row[0]: row[1:] for row in rows("SELECT id, status, seq, outcome FROM orders_order")}
    log = rows("SELECT order_id, seq, status, outcome FROM orders_orderevent ORDER BY order_id, seq, id")
    offenders = []
    for order_id, group in groupby(log, key=lambda row: row[0]):
        events = [(row[1], row[2], row[3]) for row in group]
        told = orders.pop(order_id, None)
        if fault := _fault(events, told):
            offenders.append(f"{order_id}: {fault}")
    return offenders + [f"{order_id}: no event at all" for order_id in orders]


def _fault(events: list[tuple[int, str, str | None]], told: Sequence[Any] | None) -> str | None:
    if [seq for seq, _, _ in events] != list(range(1, len(events) + 1)):
        return f"numbered {[seq for seq, _, _ in events]}"
    statuses = [OrderStatus(status) for _, status, _ in events]
    if statuses[0] is not OrderStatus.PENDING:
        return f"begins with {statuses[0]}"
    for source, target in pairwise(statuses):
        if target not in TRANSITIONS[source]:
            return f"{source} -> {target}"
    if any((outcome is not None) != is_terminal(status) for _, status, outcome in events):
        return "an outcome before the end, or an end without one"
    last = (events[-1][1], events[-1][0], events[-1][2])
    return None if told is not None and tuple(told) == last else f"the log ends with {last}, the row says {told}"


def fee_differences(rows: Rows) -> list[str]:
    """Transactions that paid another network fee than their bytes offer."""
    chain_id, offenders = SimulatedOptions().chain_id, []
    for tx_hash, fee_paid, raw in rows(
        "SELECT tx_hash, fee_paid, raw FROM simulated_chaintransaction WHERE state = 'included'"
    ):
        fee = fee_of(decode(chain_id, bytes(raw)).intent)
        if fee_paid != fee:
            offenders.append(f"{tx_hash} paid {fee_paid} atoms of {NATIVE}, not {fee}")
    return offenders


def collected_difference(rows: Rows) -> list[str]:
    """What the collector of fees holds, where that is not what all transactions of the chain have paid."""
    [(paid,)] = rows("SELECT coalesce(sum(fee_paid), 0) FROM simulated_chaintransaction WHERE state = 'included'")
    balances = rows("SELECT address, token, atoms FROM simulated_balance")
    held = Counter({token: int(atoms) for address, token, atoms in balances if address == COLLECTOR})
    return [] if held == Counter({NATIVE: int(paid)}) else [f"{COLLECTOR} holds {dict(held)}, not {paid} {NATIVE}"]


def wallet_differences(rows: Rows, market: GenesisMarket) -> list[str]:
    """Wallets that hold something else than their grant, what their swaps moved, and less what all of it cost."""
    expected: dict[str, Counter[str]] = {}
    for (wallet,) in rows("SELECT address FROM orders_wallet"):
        expected[wallet] = Counter(market.grant())
    for wallet, fees in rows(
        "SELECT wallet, sum(fee_paid) FROM simulated_chaintransaction WHERE state = 'included' GROUP BY wallet"
    ):
        expected.setdefault(wallet, Counter())[NATIVE] -= int(fees)
    for wallet, amount_in, encoded in rows(
        "SELECT wallet, amount_in, route::text FROM simulated_chaintransaction"
        " WHERE state = 'included' AND code IS NULL AND route IS NOT NULL"
    ):
        route = decode_route(json.loads(encoded))
        moved = tokens_made(route.token_in, int(amount_in), route.hops)
        moved[route.token_in] -= int(amount_in)
        for hop in route.hops:
            moved[hop.token_in] -= hop.amount_in
        for token, atoms in moved.items():
            expected.setdefault(wallet, Counter())[token] += atoms
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for wallet, token, atoms in rows(
        "SELECT address, token, atoms FROM simulated_balance JOIN orders_wallet USING (address)"
    ):
        held[wallet][token] += int(atoms)
    return [
        f"{wallet} holds {held[wallet][token]} {token}, not {atoms}"
        for wallet, tokens in expected.items()
        for token, atoms in tokens.items()
        if held[wallet][token] != atoms
    ]
