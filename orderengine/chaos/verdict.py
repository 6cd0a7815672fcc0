"""Compares the three histories at the end of a run: the clients', the event log, and the chain's ledger."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dex.chains.simulated.market import default_market
from orderengine.chaos.books import Rows, breaches, collected_difference, fee_differences, wallet_differences
from orderengine.chaos.cancels import broken_cancels
from orderengine.chaos.history import History

# Offenders shown per broken promise.
SHOWN = 5
# What a run of level 2 should reach; said when it does not, but a busy machine breaks no promise.
GOALS = {"p50_ms": 2_000, "p99_ms": 15_000, "max_ms": 30_000, "settle_after_last_fault_s": 30}
PROMISES = (
    *("lost", "unanswered", "executed_twice", "unrecorded", "illegal_events", "nonce_gaps", "unproven"),
    *("signed_after_cancel", "broken_cancels"),
    *("wrong_amounts", "wrong_fees", "wrong_families", "beyond_limit"),
    *("supply_changed", "ws_missing", "ws_duplicated", "ws_unordered", "post_errors"),
    "given_up",
)


class Verdict:
    """The figures of a run and the offenders behind them."""

    def __init__(self, rows: Rows, history: History, supply: tuple[dict[str, int], dict[str, int]]) -> None:
        self._rows = rows
        self._history = history
        self.offenders: dict[str, list[str]] = {name: [] for name in PROMISES}
        for name, found in breaches(rows, is_over=True).items():
            self.offenders[name] += found
        self.offenders["lost"] += self._lost()
        self.offenders["unanswered"] += sorted(history.first_tried_at.keys() - history.acknowledged.keys())
        self.offenders["wrong_amounts"] += wallet_differences(rows, default_market())
        self.offenders["wrong_fees"] += fee_differences(rows) + collected_difference(rows)
        self.offenders["broken_cancels"] += broken_cancels(rows, history.cancels)
        self.offenders["post_errors"] += ["500"] * history.answers[500]
        before, after = supply
        self.offenders["supply_changed"] += [
            f"{token}: {after[token] - atoms:+}" for token, atoms in before.items() if after[token] != atoms
        ]
        self._compare_frames()

    @property
    def broken(self) -> dict[str, list[str]]:
        """Promises that do not hold, each with its first offenders."""
        return {name: found[:SHOWN] for name, found in self.offenders.items() if found}

    def figures(self, last_fault_at: float, faults: Counter[str]) -> dict[str, Any]:
        """The final line."""
        took = self._latencies_ms()
        ended_at = max((float(row[0]) for row in self._rows(_ENDED_AT)), default=last_fault_at)
        outcomes = Counter({str(row[0]): int(row[1]) for row in self._rows(_OUTCOMES)})
        history = self._history
        return {
            "orders": len(history.first_tried_at),
            "confirmed": outcomes["filled"],
            "failed": sum(outcomes.values()) - outcomes["filled"],
            **{name: len(found) for name, found in self.offenders.items()},
            "p50_ms": round(statistics.median(took)) if took else 0,
            "p99_ms": round(took[int(len(took) * 0.99)]) if took else 0,
            "max_ms": round(took[-1]) if took else 0,
            "settle_after_last_fault_s": round(max(0.0, ended_at - last_fault_at), 1),
            "outcomes": dict(outcomes),
            "post_p99_ms": round(sorted(history.post_s)[int(len(history.post_s) * 0.99)] * 1000),
            "answers": {str(code): count for code, count in sorted(history.answers.items())},
            "cancels": {str(code): count for code, count in sorted(Counter(history.cancels.values()).items())},
            "ws_frames": sum(map(len, history.frames.values())),
            "ws_connections": history.connections,
            "faults": dict(sorted(faults.items())),
        }

    def _lost(self) -> list[str]:
        """Acknowledged orders that are not there, or not under the one id that was answered."""
        stored = {str(row[0]): str(row[1]) for row in self._rows("SELECT client_order_id, id FROM orders_order")}
        return [
            f"{key}: answered {sorted(ids)}, stored {stored.get(key)}"
            for key, ids in self._history.acknowledged.items()
            if ids != {stored.get(key)}
        ]

    def _compare_frames(self) -> None:
        log: dict[str, list[tuple[int, str]]] = {order_id: [] for order_id in self._history.followed}
        for order_id, seq, status in self._rows(
            "SELECT order_id, seq, status FROM orders_orderevent ORDER BY order_id, seq"
        ):
            if str(order_id) in log:
                log[str(order_id)].append((seq, status))
        for order_id, events in log.items():
            seen = self._history.frames[order_id]
            self._note("ws_missing", order_id, set(events) - set(seen))
            self._note("ws_duplicated", order_id, [frame for frame, n in Counter(seen).items() if n > 1])
            self._note("ws_unordered", order_id, set(seen) - set(events))
            if seen != sorted(seen, key=lambda frame: frame[0]):
                self._note("ws_unordered", order_id, [str(seen)])

    def _note(self, name: str, order_id: str, found: Any) -> None:
        self.offenders[name] += [f"{order_id}: {frame}" for frame in found]

    def _latencies_ms(self) -> list[float]:
        """From acceptance to the end, by the database's clock. An order that kills its workers sets its own pace."""
        return sorted(
            float(took_s) * 1000 for key, took_s in self._rows(_TOOK_S) if str(key) not in self._history.killers
        )


_TOOK_S = """
    SELECT o.client_order_id, extract(epoch FROM e.at - o.created_at) FROM orders_order o
    JOIN orders_orderevent e ON e.order_id = o.id AND e.seq = o.seq WHERE o.outcome IS NOT NULL
"""
_OUTCOMES = "SELECT outcome, count(*) FROM orders_order WHERE outcome IS NOT NULL GROUP BY 1"
_ENDED_AT = "SELECT extract(epoch FROM max(updated_at)) FROM orders_order HAVING count(*) > 0"


def beyond_goals(figures: dict[str, Any]) -> list[str]:
    """Figures that a quiet machine of two cores should do better."""
    return [f"{name} is {figures[name]}, the goal {goal}" for name, goal in GOALS.items() if figures[name] > goal]


def read(database: Any, question: str) -> Sequence[Sequence[Any]]:
    """Rows of a psycopg connection, as `Rows` wants them."""
    rows: Sequence[Sequence[Any]] = database.execute(question).fetchall()
    return rows
