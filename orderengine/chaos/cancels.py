"""Cancels a share of the orders at random moments, as their owners do, and judges what was answered.

Half of these orders are undone for their price, so that a cancel meets them between two signatures.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from orderengine.chaos.followers import backoff_s
from orderengine.chaos.history import History

# From an order's acceptance to its cancel; what is undone for its price is done within that, on a quiet machine.
WITHIN_S = 1.5
UNDONE_SHARE = 0.5
CANCELLED, REQUESTED, ENDED = 200, 202, 409
ANSWERS = {CANCELLED, REQUESTED, ENDED}
# How an order may end whose cancel came too late to be promised: as the chain decides.
AS_THE_CHAIN_DECIDES = {"cancelled", "filled", "expired"}
# Of a parent that is cancelled, what its ended children have filled stays.
STATES = """
    SELECT id, CASE WHEN is_parent AND outcome = 'partially_filled' THEN 'cancelled' ELSE outcome END,
        cancel_requested_at IS NOT NULL
    FROM orders_order
"""


class Cancels:
    """Which orders are cancelled, and when: by dice of their own, so that the orders of a seed stay the same."""

    def __init__(self, share: float, seed: int, history: History) -> None:
        self._share = share
        self._dice = random.Random(f"{seed}/cancels")  # noqa: S311 - repeatable, no secret
        self._history = history
        self._wait_s: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def mark(self, body: dict[str, Any]) -> None:
        """Choose for one order, which may get a scenario for it. One with a tag keeps its own fault."""
        chosen, undone, wait_s = self._dice.random(), self._dice.random(), self._dice.uniform(0, WITHIN_S)
        if chosen < self._share and "tags" not in body:
            self._wait_s[body["client_order_id"]] = wait_s
            if undone < UNDONE_SHARE:
                body["sim"] = {"scenario": "slippage"}

    def begin(self, http: httpx.AsyncClient, client_order_id: str, order_id: str) -> None:
        """Cancel the accepted order in time, if it was chosen."""
        if client_order_id in self._wait_s:
            self._tasks.add(asyncio.create_task(self._cancel(http, order_id, self._wait_s[client_order_id])))

    async def finish(self) -> None:
        """Wait until every cancel is answered."""
        await asyncio.gather(*self._tasks)

    async def _cancel(self, http: httpx.AsyncClient, order_id: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        failures = 0
        while True:
            try:
                code = (await http.delete(f"/api/v1/orders/{order_id}")).status_code
            except httpx.HTTPError:
                code = 0
            if code in ANSWERS:
                self._history.cancels[order_id] = code
                return
            failures += 1
            await asyncio.sleep(backoff_s(failures))


def broken_cancels(rows: Callable[[str], Sequence[Sequence[Any]]], answers: Mapping[str, int]) -> list[str]:
    """Orders that did not end as the answer to their cancel says."""
    states = {str(row[0]): (row[1], bool(row[2])) for row in rows(STATES)} if answers else {}
    return [
        f"{order_id}: answered {code}, {outcome}, {'stored' if is_stored else 'not stored'}"
        for order_id, code in answers.items()
        for outcome, is_stored in [states.get(order_id, (None, False))]
        if not _is_kept(code, outcome, is_stored)
    ]


def _is_kept(code: int, outcome: str | None, is_stored: bool) -> bool:
    if code == CANCELLED:
        return is_stored and outcome == "cancelled"
    if code == REQUESTED:
        return is_stored and outcome in AS_THE_CHAIN_DECIDES
    return outcome is not None
