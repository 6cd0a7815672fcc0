"""A dry run: every step of an order up to the broadcast, on the market as it is, leaving nothing behind."""

from datetime import UTC, datetime
from typing import Any

from dex import Engine, SwapIntent
from orders.config import Policy
from orders.models import Account, ApiKey, Order, Wallet
from orders.routes import encode_quote
from orders.selectors import read_controls, token_decimals
from orders.services.place import unsaved_order
from orders.services.quote import quote_now, require_room
from orders.states import OrderStatus
from orders.terms import Terms, swap_request

# What an order is signed with whose account has no wallet yet.
NO_WALLET = "0x" + "0" * 40


def rehearse_order(account: Account, terms: Terms, *, key: ApiKey | None, engine: Engine, policy: Policy) -> Order:
    """The order as it would be just before its broadcast; it is stored nowhere, and nothing is signed.

    Raises: ProblemError, DexError with what would refuse or fail it: limits, routing, or the signer's policy.
    """
    require_room(account, terms, key)
    request = swap_request(terms.token_in, terms.token_out, terms.side, terms.amount, terms.extra)
    quote = quote_now(account, request, engine, read_controls())
    now = datetime.now(UTC)
    wallet = Wallet.objects.filter(account=account, chain_id=terms.chain_id, retired_at__isnull=True).first()
    intent = SwapIntent(
        wallet=wallet.address if wallet else NO_WALLET,
        nonce=wallet.next_nonce if wallet else 0,
        side=terms.side,
        route=quote.route,
        min_amount_out=quote.min_amount_out,
        max_amount_in=quote.max_amount_in,
        deadline=int(now.timestamp()) + policy.deadline_s,
        scenario=terms.extra.get("scenario", "none"),
    )
    if (refusal := engine.check([intent])[0]) is not None:
        raise refusal
    order = unsaved_order(account, terms)
    fields: dict[str, Any] = {
        "status": OrderStatus.BUILDING,
        "route": encode_quote(quote, token_decimals()),
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
