"""Reads what an order is explained by, and what is around it. It fails for PostgreSQL alone."""

import logging
from collections.abc import Callable
from dataclasses import replace

from django.db import connection

from dex import DexError, Engine
from dex.deadline import within
from orders.amounts import in_units
from orders.config import Policy
from orders.database.errors import is_unavailable
from orders.models import Order
from orders.presentation.execution import Execution
from orders.presentation.explanation import Around, Explained, Pause, PriceNow, is_pool, price_kind
from orders.presentation.history import read_history
from orders.presentation.orders import waiting_for_of
from orders.risk.price_history import known_prices
from orders.risk.reference_price import reference_price
from orders.selectors import children_of, controls_of, events_up_to, read_controls, siblings_of, worker_age_s
from orders.states import OrderStatus, is_terminal

logger = logging.getLogger(__name__)

# A person waits: a market that is slower than this is not said.
MARKET_S = 2.0
CANNOT_BE_READ = "the market cannot be read now"


def execution_of(order: Order) -> Execution:
    """The order with its events and children."""
    return Execution(order, read_history(events_up_to(order)), children_of(order))


def explain_order(order: Order, engine_of: Callable[[], Engine], policy: Policy) -> Explained:
    """The order with all that is known around it. Where the market cannot be read, that is said.

    The engine is asked for where the order waits for a price, and then alone.
    """
    execution, controls = execution_of(order), read_controls()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone()
    waiting_for = waiting_for_of(order, controls, at)
    around = Around(at, children=execution.children)
    if is_terminal(order.status):
        return Explained(execution, waiting_for, around)
    around = replace(around, siblings=siblings_of(order))
    if waiting_for == "worker":
        around = replace(around, worker_age_s=worker_age_s(order.chain_id))
    if waiting_for == "halt":
        around = replace(around, pauses=_pauses(order))
    if waiting_for == "price" and not is_pool(order):
        around = _with_price(around, order, engine_of, policy)
    return Explained(execution, waiting_for, around)


def _pauses(order: Order) -> list[Pause]:
    """Those that hold it: of its account or of all, of its chain or of any; those of venues while it is routed."""
    return [
        Pause(row.scope, row.venue or row.chain_id or (row.account.name if row.account else ""), row.reason, row.at)
        for row in controls_of(order.account)
        if row.chain_id in ("", order.chain_id) and (not row.venue or order.status == OrderStatus.ROUTING)
    ]


def _with_price(around: Around, order: Order, engine_of: Callable[[], Engine], policy: Policy) -> Around:
    """With the price that reaches the order: as the trigger pass has noted it, else as the market says it now."""
    pair = (order.token_in, order.token_out)
    kind = price_kind(order)
    if kind == "reference":
        history = known_prices(order.chain_id, [pair]).get(pair, [])
        reference = reference_price(history, policy.trigger_window_s)
        noted = reference.rising if order.trigger_kind == "rises" else reference.falling
        if noted is not None:
            return replace(around, price=PriceNow("reference", noted))
    try:
        engine = engine_of()
        if engine.chain.chain_id != order.chain_id:
            return replace(around, price_doubt=f"this engine does not trade on {order.chain_id}")
        with within(min(engine.chain.timing.answer_s, MARKET_S)):
            market = engine.prices([pair])
    except DexError as error:
        return replace(around, price_doubt=f"{CANNOT_BE_READ} ({error.detail})")
    except Exception as error:
        if is_unavailable(error):
            raise
        logger.exception("the prices of %s/%s cannot be read", *pair)
        return replace(around, price_doubt=CANNOT_BE_READ)
    found = market.by_pair[pair]
    price = found.marginal if kind == "marginal" else found.mid
    if price is None:
        return replace(around, price_doubt="no pools lead from one token to the other now")
    shown = in_units(price, order.decimals_in, order.decimals_out)
    return replace(around, price=PriceNow("marginal" if kind == "marginal" else "mid", shown, market.version))
