"""One loop per web process that looks at the market while sockets want quotes, and quotes for them in turn.

What it may cost is bounded, however much is asked for: one thread calculates, and rests three times as long as it has
calculated. Where that is too little for all, each gets quotes less often, accounts alike.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

from django.db import close_old_connections

from orders.access.authentication import Caller
from orders.problems import Problem
from orders.quote_stream.look import Look, NoLook, answer, take_look
from orders.quote_stream.turns import Turns
from orders.services.quoted_order import DATED, QUOTE_LIFE_S

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)

# Between two looks: half of the chain's block time, within these.
SHORTEST_S, LONGEST_S = 0.25, 3.0
# Of a second that was calculated, so many seconds nothing is.
REST = 3.0
# Sockets that one process quotes for.
MOST = 500
# A quote is renewed, though nothing has changed, so long before an order can no longer name it.
RENEW_S = 2.0

_thread = ThreadPoolExecutor(1, thread_name_prefix="quotes")


@dataclass(eq=False)
class Subscription:
    """What a socket wants quoted, as it was sent, and what it was told last."""

    number: int
    body: Any
    # The look that was answered, and what was sent: of a quote what it shows but for its id and times.
    seen: int = -1
    told: Any = None
    again_at: float = 0.0


class Follower(Protocol):
    """A socket that wants quotes."""

    @property
    def caller(self) -> Caller:
        """Who asks."""
        ...

    @property
    def wanted(self) -> Subscription | None:
        """What it wants now, None while it wants nothing, or cannot be sent anything."""
        ...

    def offer(self, subscription: Subscription, told: dict[str, Any] | Problem) -> None:
        """Take a quote, or why there is none. Must not wait."""
        ...


class _Answered(NamedTuple):
    """What a request gets, and the processor time that it took."""

    result: Any
    cpu_s: float


class QuoteFeed:
    """The sockets of one event loop that want quotes, and the task that quotes for them."""

    def __init__(self) -> None:
        self._turns: Turns[Follower] = Turns()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._look: Look | NoLook | None = None
        self._look_at = 0.0
        # What the newest look has taken, as long as nothing has rested for it.
        self._look_cpu_s = 0.0

    @property
    def is_full(self) -> bool:
        """Whether no more sockets are quoted for."""
        return len(self._turns) >= MOST

    @property
    def is_followed(self) -> bool:
        """Whether any socket is left."""
        return len(self._turns) > 0

    def follow(self, account_id: int, follower: Follower) -> None:
        """Quote for a socket from now on."""
        self._turns.add(account_id, follower)
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def unfollow(self, account_id: int, follower: Follower) -> None:
        """The socket is gone."""
        self._turns.remove(account_id, follower)
        if not self.is_followed and self._task is not None:
            self._task.cancel()
            self._task = self._look = None

    def nudge(self) -> None:
        """A socket wants something else, or can be sent something again."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._step()
            except Exception:
                logger.exception("quoting for sockets")
                await asyncio.sleep(LONGEST_S)

    async def _step(self) -> None:
        """Look if it is time, quote for the one whose turn it is, and rest."""
        self._wake.clear()
        if not any(follower.wanted for follower in self._turns):
            await self._wake.wait()
            return
        now = asyncio.get_running_loop().time()
        if self._look is None or now >= self._look_at:
            self._look_at = now + await self._new_look()
        look = self._look
        if look is not None and (follower := self._turns.next(self._is_due)) is not None:
            cpu_s = self._look_cpu_s + await self._quote(follower, look)
            self._look_cpu_s = 0.0
            await asyncio.sleep(REST * cpu_s)
        else:
            await self._idle()

    async def _new_look(self) -> float:
        """Look at the market; seconds until the next look."""
        answered = await _calculate(take_look, self._look)
        self._look, self._look_cpu_s = answered.result, answered.cpu_s
        block_s = self._look.engine.chain.timing.block_s if isinstance(self._look, Look) else 0.0
        return min(max(block_s / 2, SHORTEST_S), LONGEST_S)

    def _is_due(self, follower: Follower) -> bool:
        wanted, look = follower.wanted, self._look
        if wanted is None or look is None:
            return False
        return wanted.seen != look.number or asyncio.get_running_loop().time() >= wanted.again_at

    async def _idle(self) -> None:
        """Until the next look, the next renewal, or a socket that wants something."""
        due = [wanted.again_at for follower in self._turns if (wanted := follower.wanted) is not None]
        ends_at = min([self._look_at, *due])
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, ends_at - asyncio.get_running_loop().time()))
        except TimeoutError:
            return

    async def _quote(self, follower: Follower, look: Look | NoLook) -> float:
        """Answer one request, and say what is news; the processor time that it took, in seconds."""
        wanted = follower.wanted
        assert wanted is not None  # its turn has just come
        answered = await _calculate(answer, look, follower.caller, wanted.body)
        if follower.wanted is wanted:  # else it wants something else by now
            _tell(follower, wanted, look.number, answered.result)
        return answered.cpu_s


def _tell(follower: Follower, wanted: Subscription, number: int, result: dict[str, Any] | Problem) -> None:
    """Offer what has changed, and a quote that is about to expire."""
    now = asyncio.get_running_loop().time()
    is_old, is_quote = now >= wanted.again_at, not isinstance(result, Problem)
    told = result if isinstance(result, Problem) else {name: result[name] for name in result.keys() - DATED}
    is_news = told != wanted.told or (is_quote and is_old)
    wanted.seen, wanted.told = number, told
    if is_news or is_old:
        wanted.again_at = now + QUOTE_LIFE_S - RENEW_S
    if is_news:
        follower.offer(wanted, result)


async def _calculate(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> _Answered:
    """What `work` returns, in the thread that calculates, with a connection to the database."""

    def run() -> _Answered:
        began_s = time.thread_time()
        try:
            return _Answered(work(*args, **kwargs), time.thread_time() - began_s)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_thread, run)


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, QuoteFeed] = WeakKeyDictionary()


def get_quote_feed() -> QuoteFeed:
    """The feed of the running event loop: in a server there is one per process."""
    return _feeds.setdefault(asyncio.get_running_loop(), QuoteFeed())
