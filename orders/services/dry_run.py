"""A dry run: every step of an order up to the broadcast, on the market as it is, leaving nothing behind."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dex import (
    NO_WALLET,
    DexError,
    Engine,
    FeesTooHigh,
    FeeStrategy,
    InsufficientFunds,
    LimitPriceNotReached,
    Quote,
    SwapIntent,
    TerminalError,
)
from dex.deadline import within
from orders.config import Policy
from orders.models import Account, ApiKey, Order
from orders.order_types import ORDER_TYPES, Slice, Trigger, first_part, limit_of, trigger_of
from orders.pipeline.trial import with_wallet
from orders.plan import SwapPlan
from orders.problems import ProblemError
from orders.selectors import decimals_on, read_controls
from orders.services.inserting import unsaved_order
from orders.services.quote import intent_of_quote, quote_now, require_room
from orders.services.slices import slices_refusal
from orders.states import OrderStatus
from orders.terms import NewOrder, swap_request


def dry_run_order(account: Account, new: NewOrder, *, key: ApiKey | None, engine: Engine, policy: Policy) -> Order:
    """The order as it would be just before its broadcast; it is stored nowhere, and nothing is signed.

    One that would wait for its limit price is as it would be stored, one that waits for its trigger the same, with the
    quote of now where there is one; a parent as it would be with the quote of its
    first slice, and its slices as `outline`: of one that is filled in parts, the part that the market gives now.

    Raises: ProblemError, DexError with what would refuse or fail it: limits, routing, the signer's policy, or a wallet
    that holds too little.
    """
    if (too_small := slices_refusal(new, engine)) is not None:
        raise ProblemError(too_small)
    require_room(account, new, key)
    now = datetime.now(UTC)
    part, outline, is_partial = first_part(new, now)
    request = swap_request(new.token_in, new.token_out, new.side, part.amount, part.terms)
    request = replace(request, limit_price=limit_of(new.order_type, new), allow_partial=is_partial)
    trigger = _to_be_fired(new)
    try:
        quote, waiting_for = quote_now(account, request, engine, read_controls())
    except TerminalError as error:
        if trigger is None and not _may_wait(new, error):
            raise
        return _waiting(unsaved_order(account, new), now)
    if trigger is not None:
        waiting_for = trigger.waiting_for
    if is_partial:
        outline = [Slice(now, part.amount - quote.unfilled)]
    intent = intent_of_quote(account, new, quote, policy)
    if (refusal := engine.check([intent])[0]) is not None:
        raise refusal
    if waiting_for is None and (shortage := _shortage(intent, FeeStrategy(new.terms.fee_strategy), engine)) is not None:
        raise shortage
    order = unsaved_order(account, new)
    order.status = OrderStatus.BUILDING if outline is None and trigger is None else OrderStatus.PENDING
    order.waiting_for, order.outline = waiting_for, outline  # type: ignore[attr-defined]
    return _quoted(order, quote, now, engine)


def _quoted(order: Order, quote: Quote, now: datetime, engine: Engine) -> Order:
    """With the columns that a quote fills."""
    fields: dict[str, Any] = {
        "route": SwapPlan.of(quote, decimals_on(engine.chain.native)).to_json(),
        "quoted_amount_in": quote.amount_in,
        "quoted_amount_out": quote.amount_out,
        "min_amount_out": quote.min_amount_out,
        "max_amount_in": quote.max_amount_in,
        "created_at": now,
        "updated_at": now,
    }
    for name, value in fields.items():
        setattr(order, name, value)
    return order


def _to_be_fired(new: NewOrder) -> Trigger | None:
    """The trigger without which the market's price means nothing to the order: one that is no limit."""
    trigger = trigger_of(new.order_type, new)
    return trigger if trigger is not None and trigger.kind != "limit" else None


def _may_wait(new: NewOrder, error: TerminalError) -> bool:
    """Whether it is stored although the market does not give its price."""
    return isinstance(error, LimitPriceNotReached) and ORDER_TYPES[new.order_type].waits_on(new)


def _waiting(order: Order, now: datetime) -> Order:
    """As it would be stored, to wait for its price."""
    order.created_at = order.updated_at = now
    return order


def _shortage(intent: SwapIntent, strategy: FeeStrategy, engine: Engine) -> DexError | None:
    """What the wallet lacks that would sign now, of what the order gives or of the chain's own token; None: nothing.

    An account without a wallet gets one with its first order. Raises: ChainUnavailable.
    """
    if intent.wallet == NO_WALLET:
        return None
    with within(engine.chain.timing.answer_s):
        try:
            fees = engine.prepare()[strategy]
        except FeesTooHigh:
            return None  # an order would wait
        (answer,) = engine.simulate([replace(intent, fees=fees)])
    return with_wallet(answer, intent) if isinstance(answer, InsufficientFunds) else None
