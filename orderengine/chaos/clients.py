"""Places orders at a rate, as a careful client would: same key until answered, through all faults in between."""

import asyncio
import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from orderengine.chaos.cancels import Cancels
from orderengine.chaos.followers import Followers, backoff_s, followers
from orderengine.chaos.history import History
from orderengine.chaos.hooks import KILLER, POISON, TAG
from orderengine.chaos.levels import Level

# With a price that the market gives.
PAIRS = (
    ("SOL", "USDC", "1.5", "70"),
    ("USDC", "SOL", "200", "0.003"),
    ("ETH", "USDC", "0.05", "1400"),
    ("USDC", "ETH", "150", "0.0002"),
)
# Orders of other types than market, in shares: each waits for something that comes within seconds.
TYPES = {
    "limit": 0.08,
    "partial": 0.04,
    "partial_ioc": 0.02,
    "ladder": 0.02,
    "twap": 0.04,
    "stop": 0.03,
    "stop_limit": 0.03,
    "trailing_stop": 0.03,
    "sniper": 0.03,
}
# After the load, of those that may wait in vain. Well within the time that a run waits for the last orders.
EXPIRES_AFTER_S = 20.0
# Those that wait for their limit, however often the chain undoes them.
WAITS_FOR_LIMIT = {"limit", "ladder", "stop_limit"}
# Orders whose chain acts out a fault of its own, in shares: undone for price, refused, unanswered, forgotten.
SCENARIOS = {"slippage": 0.02, "network": 0.01, "timeout": 0.01, "dropped": 0.01}
POST_TIMEOUT_S = 10.0
MAX_SOCKETS = 100
# Orders that are being placed at a time, retries and pauses between them included: a desk queues behind an engine
# that is away, it does not knock a thousand times a second.
MAX_PLACING = 50
# Answers after which the same request may be sent again: in progress, too many, not ready, and dead sockets (0).
AGAIN = {0, 409, 429, 500, 502, 503, 504}
ACCEPTED = 201
# Killers take a lease per claim to end, so they come early.
KILLERS_WITHIN = 0.1


class Clients(threading.Thread):
    """All clients of a run, on one event loop in a thread of their own."""

    def __init__(self, url: str, level: Level, seed: int, history: History) -> None:
        super().__init__(name="clients", daemon=True)
        self._url = url
        self._level = level
        self._dice = random.Random(seed)  # noqa: S311 - repeatable orders, no secret
        self.history = history
        self._cancels = Cancels(level.cancelled, seed, history)
        self.error: BaseException | None = None
        self.all_answered = threading.Event()
        self._enough = threading.Event()

    def run(self) -> None:
        """Place everything, then follow until `stop`."""
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.all_answered.set()

    def stop(self) -> None:
        """Hang up."""
        self._enough.set()
        self.join(10)

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=MAX_SOCKETS, max_keepalive_connections=MAX_SOCKETS)
        shown = followers(self._url, self.history)
        async with httpx.AsyncClient(base_url=self._url, timeout=POST_TIMEOUT_S, limits=limits) as http:
            posts = []
            placing = asyncio.Semaphore(MAX_PLACING)
            begun_at = time.monotonic()
            for number, body in enumerate(self._bodies()):
                await asyncio.sleep(max(0.0, begun_at + number / self._level.rate - time.monotonic()))
                posts.append(asyncio.create_task(self._in_turn(placing, http, body, shown)))
            await asyncio.gather(*posts)
            await self._cancels.finish()
        self.all_answered.set()
        await asyncio.to_thread(self._enough.wait)
        await shown.close()

    def _bodies(self) -> list[dict[str, Any]]:
        count = self._level.orders
        killers = set(self._dice.sample(range(max(1, int(count * KILLERS_WITHIN))), self._level.killers))
        bodies = []
        ends_at = (datetime.now(UTC) + timedelta(seconds=count / self._level.rate + EXPIRES_AFTER_S)).isoformat()
        for number in range(count):
            token_in, token_out, amount, price = self._dice.choice(PAIRS)
            body: dict[str, Any] = {"token_in": token_in, "token_out": token_out, "amount": amount}
            body["client_order_id"] = f"chaos-{number}"
            if number in killers:
                body["tags"] = {TAG: KILLER}
                self.history.killers.add(body["client_order_id"])
            elif self._dice.random() < self._level.poison:
                body["tags"] = {TAG: POISON}
            elif scenario := _drawn(self._dice, SCENARIOS):
                body["sim"] = {"scenario": scenario}
            if "tags" not in body and (order_type := _drawn(self._dice, TYPES)):
                body |= _terms(order_type, amount, price, ends_at)
                # Without an end it is tried again, also where parts of it failed: a fault of its own would never end.
                if order_type == "partial":
                    body.pop("sim", None)
            self._cancels.mark(body)
            if body.get("type") in WAITS_FOR_LIMIT and body.get("sim") == {"scenario": "slippage"}:
                del body["sim"]  # undone each time, it would be tried again without end
            bodies.append(body)
        return bodies

    async def _in_turn(
        self, placing: asyncio.Semaphore, http: httpx.AsyncClient, body: dict[str, Any], shown: Followers
    ) -> None:
        async with placing:
            await self._place(http, body, shown)

    async def _place(self, http: httpx.AsyncClient, body: dict[str, Any], shown: Followers) -> None:
        key = body["client_order_id"]
        self.history.first_tried_at[key] = time.time()
        failures = 0
        while True:
            started_at = time.monotonic()
            try:
                answer = await http.post("/api/v1/orders", json=body)
                code = answer.status_code
            except httpx.HTTPError:
                code = 0
            self.history.answers[code] += 1
            if code:
                self.history.post_s.append(time.monotonic() - started_at)
            if code == ACCEPTED:
                order_id = answer.json()["id"]
                self.history.acknowledged[key].add(order_id)
                shown.follow(order_id)
                self._cancels.begin(http, key, order_id)
                return
            if code not in AGAIN:
                raise RuntimeError(f"order {key} was answered {code}: {answer.text[:500]}")
            failures += 1
            await asyncio.sleep(backoff_s(failures))


def _drawn(dice: random.Random, shares: Mapping[str, float]) -> str | None:
    """One of these by its share, or none."""
    luck = dice.random()
    for name, share in shares.items():
        if luck < share:
            return name
        luck -= share
    return None


def _terms(order_type: str, amount: str, price: str, ends_at: str) -> dict[str, Any]:
    """An order of a type that the market fills soon at a price that it gives, or that may wait in vain until then."""
    trigger = {"trigger_price": price, "trigger": "above", "trigger_source": "last"}
    terms: dict[str, dict[str, Any]] = {
        "limit": {"limit_price": price},
        "stop": trigger,
        "stop_limit": {**trigger, "limit_price": price},
        # Nearer than the price moves with any trade; but the last ones may see none that lowers it.
        "trailing_stop": {"trail_bps": "0.01", "trigger_source": "last", "expires_at": ends_at},
        # At the pools that the run opens before its first order.
        "sniper": {
            "min_liquidity": "0.001",
            "max_age_s": 86_400,
            "guards": {"min_amount_out": format(Decimal(amount) * Decimal(price), "f")},
        },
        "twap": {"twap": {"slices": 2, "interval_s": 1}},
        "ladder": {"from": price, "to": format(Decimal(price) * Decimal("1.1"), "f"), "steps": 2},
        "partial": {"type": "limit", "limit_price": price, "allow_partial": True},
        "partial_ioc": {"type": "limit", "limit_price": price, "allow_partial": True, "time_in_force": "ioc"},
    }
    return {"type": order_type} | terms[order_type]
