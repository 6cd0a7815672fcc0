"""A look at the market for all sockets at once: a block, and all else that quotes are made of."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from dex import DexError, Engine, Quote, SwapRequest
from dex.chains.base import Ahead, Snapshot
from dex.deadline import within
from orders.access.authentication import Caller
from orders.api.intake import Offer, order_to_quote
from orders.api.posts import offer_of
from orders.engine import get_engine
from orders.faults import UNFORESEEN, fault_problem
from orders.pauses import Controls
from orders.problems import Problem
from orders.quote_stream.request import read_fields
from orders.risk.fee_limit import Offers
from orders.selectors import KnownTokens, database_time_ms, read_controls, read_tokens
from orders.services.quoted_order import quoted_order

logger = logging.getLogger(__name__)

# Routes of one block that are kept, the newest: a block may last for long, and requests may be any.
MOST_ROUTES = 1_000


class Seen(NamedTuple):
    """What quotes are made of: one block, what is paused, and what can be traded."""

    market: Snapshot
    controls: Controls
    tokens: KnownTokens


@dataclass
class Look:
    """What was seen at one moment, and the routes that were found on it: equal requests share one.

    `number` stays as long as nothing changes, and so do quotes, but for limits of accounts. Of one block the costs
    that were read first count: between blocks they change all the time.
    """

    number: int
    engine: Engine
    seen: Seen
    offer: Offer
    # Of the database, Unix milliseconds, and of this process when that was read.
    read_ms: int
    read_s: float
    routes: dict[Any, Quote | DexError] = field(default_factory=dict)

    def now_ms(self) -> int:
        """The database's time now: for as short as a look lasts, this process counts seconds as well."""
        return self.read_ms + int(1000 * (time.monotonic() - self.read_s))

    @cached_property
    def decimals(self) -> Mapping[str, int]:
        """Exponent of every token."""
        native = self.engine.chain.native
        tokens = self.seen.tokens.by_symbol.values()
        return {native.symbol: native.decimals} | {token.symbol: token.decimals for token in tokens}

    def route(self, request: SwapRequest, offers: Offers | None) -> Quote | DexError:
        """See `orders.services.quote.Source`."""
        key = request, None if offers is None else frozenset(offers.items())
        if key not in self.routes:
            market = Ahead(self.read_s, Future(), self.seen.market)
            (found,) = self.engine.route([request], offers=offers, ahead=market)
            if len(self.routes) >= MOST_ROUTES:
                del self.routes[next(iter(self.routes))]
            self.routes[key] = found
        kept = self.routes[key]
        # An error that is raised again would keep what it passed through before, and all that was at hand there.
        return kept.with_traceback(None) if isinstance(kept, DexError) else kept

    @cached_property
    def _fees(self) -> Offers:
        return self.engine.prepare()

    def prepare(self) -> Offers:
        """See `orders.services.quote.Source`."""
        return self._fees


@dataclass(frozen=True)
class NoLook:
    """Why there is no market to see: the answer to each request."""

    number: int
    problem: Problem


def take_look(last: Look | NoLook | None) -> Look | NoLook:
    """The newest block, and what was found on it before where it is still the same one. Never raises."""
    number = 0 if last is None else last.number
    try:
        engine = get_engine()
        with within(engine.chain.timing.answer_s):
            market = engine.chain.snapshot()
        seen = Seen(market, read_controls(), read_tokens())
        read_ms, read_s = database_time_ms(), time.monotonic()
    except Exception as error:
        problem = problem_of_quote(error)
        return last if isinstance(last, NoLook) and last.problem.code == problem.code else NoLook(number + 1, problem)
    routes: dict[Any, Quote | DexError] = {}
    if isinstance(last, Look) and _is_same(last.seen.market, market):
        seen, routes = seen._replace(market=last.seen.market), last.routes
        number -= seen == last.seen
    return Look(number + 1, engine, seen, offer_of(seen.tokens.by_symbol), read_ms, read_s, routes)


def _is_same(one: Snapshot, other: Snapshot) -> bool:
    """Whether they are of one block; after a reorg another one may have its number."""
    return one.version == other.version and one.pools == other.pools


def answer(look: Look | NoLook, caller: Caller, body: Any) -> dict[str, Any] | Problem:
    """The quote that POST /quotes would answer to a caller's body, or why there is none. Never raises."""
    try:
        fields = read_fields(body)
        if isinstance(look, NoLook):
            return look.problem
        new = order_to_quote(fields, look.offer)
        return quoted_order(caller, new, look.engine, look.seen.controls, look, look.decimals).shown(look.now_ms())
    except Exception as error:
        return problem_of_quote(error)


def problem_of_quote(error: Exception) -> Problem:
    """What is said of an error; the log has one that was not foreseen."""
    problem = fault_problem(error)
    if problem is None:
        logger.error("a quote failed", exc_info=error)
    return problem or UNFORESEEN
