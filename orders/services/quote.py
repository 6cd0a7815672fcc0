"""What an account's order would get now: its price under the pauses, wallets and limits that an order is held to."""

import time
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple, Protocol

from dex import NO_WALLET, DexError, Engine, FeesTooHigh, Quote, SwapIntent, SwapRequest, TerminalError
from dex.chains.base import Ahead
from dex.deadline import within
from orders.config import Policy
from orders.models import Account, ApiKey, Wallet
from orders.pauses import Controls
from orders.problems import Problem, ProblemError, problem_of
from orders.risk.deviation import with_reference_prices
from orders.risk.fee_limit import Offers, offers_for, quote_above_limit
from orders.risk.limits import admit, demand, has_day_limit, read_room
from orders.signing.wallets import closed_venues
from orders.terms import NewOrder


class QuoteNow(NamedTuple):
    """The route that an order would be signed with, and what it would wait for first; None: nothing."""

    quote: Quote
    waiting_for: str | None


class Source(Protocol):
    """Where routes and fees come from: the newest block, or one that many share."""

    def route(self, request: SwapRequest, offers: Offers | None) -> Quote | DexError:
        """The best route. Raises: ChainUnavailable."""
        ...

    def prepare(self) -> Offers:
        """What transactions offer now. Raises: ChainUnavailable, FeesTooHigh."""
        ...


class Newest(NamedTuple):
    """The newest block of an engine's chain, read for each route."""

    engine: Engine

    def route(self, request: SwapRequest, offers: Offers | None) -> Quote | DexError:
        """See `Source`."""
        return self.engine.route([request], offers=offers)[0]

    def prepare(self) -> Offers:
        """See `Source`."""
        return self.engine.prepare()


class OneBlock:
    """The newest block of an engine's chain, read once: quotes of several requests are of the same market and fees."""

    def __init__(self, engine: Engine) -> None:
        """Read it. Raises: ChainUnavailable."""
        self._engine = engine
        with within(engine.chain.timing.answer_s):
            self.market = engine.chain.snapshot()
        self._read_s = time.monotonic()

    def route(self, request: SwapRequest, offers: Offers | None) -> Quote | DexError:
        """See `Source`."""
        ahead = Ahead(self._read_s, Future(), self.market)
        return self._engine.route([request], offers=offers, ahead=ahead)[0]

    def prepare(self) -> Offers:
        """See `Source`."""
        return self._fees

    @cached_property
    def _fees(self) -> Offers:
        return self._engine.prepare()


def quote_now(
    account: Account, request: SwapRequest, engine: Engine, controls: Controls, source: Source | None = None
) -> QuoteNow:
    """What an order of this account would get: on the newest block, or where a source says.

    Raises: DexError, ProblemError.
    """
    source = source or Newest(engine)
    with within(engine.chain.timing.answer_s):
        (request,) = with_reference_prices([request], engine)
        closed = closed_venues([account.id], engine, makes_wallets=False).get(account.id, frozenset())
        paused = controls.venues
        offers = offers_for([request], source.prepare)
        answer = _route(request, closed | paused, offers, source)
    if paused and isinstance(answer, TerminalError) and isinstance(_route(request, closed, offers, source), Quote):
        problem = problem_of(answer)
        hint = f"An order would wait until {', '.join(sorted(paused))} is resumed"
        facts = {**problem.facts, "paused_venues": sorted(paused)}
        raise ProblemError(Problem(problem.code, problem.detail, hint, facts=facts))
    if isinstance(answer, DexError):
        raise answer
    is_limited = request.max_network_fee is not None
    is_held = is_limited and (offers is None or quote_above_limit(request, answer, offers, engine) is not None)
    return QuoteNow(answer, FeesTooHigh.waiting_for if is_held else None)


def require_room(account: Account, new: NewOrder, key: ApiKey | None) -> None:
    """Raises: ProblemError where the limits leave no room for the order at this moment."""
    if not account.is_counted and not has_day_limit(key):
        return
    problem = admit(read_room(account, key), [demand(new)])[0]
    if problem is not None:
        raise ProblemError(problem)


def intent_of_quote(account: Account, new: NewOrder, quote: Quote, policy: Policy) -> SwapIntent:
    """What would be signed for an order with this quote, by the account's wallet where it has one."""
    wallet = Wallet.objects.filter(account=account, chain_id=new.chain_id, retired_at__isnull=True).first()
    return SwapIntent(
        wallet=wallet.address if wallet else NO_WALLET,
        nonce=wallet.next_nonce if wallet else 0,
        side=new.side,
        route=quote.route,
        min_amount_out=quote.min_amount_out,
        max_amount_in=quote.max_amount_in,
        deadline=int(datetime.now(UTC).timestamp()) + policy.deadline_s,
        scenario=new.terms.scenario,
    )


def _route(request: SwapRequest, denied: frozenset[str], offers: Offers | None, source: Source) -> Quote | DexError:
    return source.route(replace(request, deny_venues=request.deny_venues | denied), offers)
