"""A caller's order with its quote, as POST /quotes and the quote stream show it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dex import Engine, Quote
from orders.access.authentication import Caller
from orders.access.key_limits import require_within_key
from orders.pauses import Controls
from orders.plan import SwapPlan
from orders.presentation.orders import QUOTE, Priced
from orders.selectors import decimals_on
from orders.services.quote import Source, quote_now, require_room
from orders.services.quote_ids import quote_id, text_of_ms
from orders.terms import NewOrder, swap_request

# For how long an order may name a quote. What the market does meanwhile, it does.
QUOTE_LIFE_S = 5
# What differs each time that the same quote is shown.
DATED = ("quote_id", "quoted_at", "expires_at")


class QuotedOrder(NamedTuple):
    """An order that is not placed, its quote, and what it would wait for first."""

    account_id: int
    new: NewOrder
    quote: Quote
    plan: SwapPlan
    waiting_for: str | None

    def shown(self, now_ms: int) -> dict[str, Any]:
        """The public quote. `now_ms` is the database's time, Unix milliseconds, from which on an order may name it."""
        expires_ms = now_ms + 1000 * QUOTE_LIFE_S
        return QUOTE.render(
            Priced(self.new, self.quote, self.plan),
            quote_id=quote_id(self.account_id, self.new, self.quote, expires_ms),
            waiting_for=self.waiting_for,
            quoted_at=text_of_ms(now_ms),
            expires_at=text_of_ms(expires_ms),
        )


def quoted_order(
    caller: Caller,
    new: NewOrder,
    engine: Engine,
    controls: Controls,
    source: Source | None = None,
    decimals: Mapping[str, int] | None = None,
) -> QuotedOrder:
    """What the caller's order would get now, within the limits of key and account. Raises: ProblemError, DexError.

    `source` and `decimals` (of all tokens) are given where they were read for many.
    """
    account = caller.account
    new = require_within_key(new, caller)
    require_room(account, new, caller.key)
    request = swap_request(new.token_in, new.token_out, new.side, new.amount, new.terms)
    quote, waiting_for = quote_now(account, request, engine, controls, source)
    plan = SwapPlan.of(quote, decimals or decimals_on(engine.chain.native))
    is_halted = controls.halt(new.chain_id, account.id)
    return QuotedOrder(account.id, new, quote, plan, "halt" if is_halted else waiting_for)
