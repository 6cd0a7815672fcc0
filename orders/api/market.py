"""What can be traded, where, and at what price: GET /venues, GET /tokens, POST /quotes."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes, selectors
from orders.access.key_limits import require_within_key
from orders.api import schema
from orders.api.base import AccountView, caller_of, fields_of
from orders.api.intake import order_to_quote
from orders.api.posts import read_offer
from orders.api.serializers import QuoteRequestSerializer
from orders.engine import get_engine, moves_real_money
from orders.event_log.event import timestamp
from orders.plan import SwapPlan
from orders.presentation.market import TOKENS, VENUES, venues_json
from orders.presentation.orders import QUOTE, Priced
from orders.selectors import read_controls
from orders.services.quote import quote_now, require_room
from orders.terms import swap_request

QUOTE_LIFE_S = 5


class QuotesView(AccountView):
    """POST /quotes."""

    scopes: ClassVar = {"POST": scopes.QUOTE}

    @extend_schema(
        request=QuoteRequestSerializer,
        examples=[schema.SWAP],
        responses=schema.answers(QUOTE),
        operation_id="quote",
    )
    def post(self, request: Request) -> Response:
        """What the caller's order would get now: price, route, guards, every venue's own quote; nothing is stored."""
        fields = fields_of(request, QuoteRequestSerializer)
        caller, controls = caller_of(request), read_controls()
        new = require_within_key(order_to_quote(fields, read_offer()), caller)
        require_room(caller.account, new, caller.key)
        wanted = swap_request(new.token_in, new.token_out, new.side, new.amount, new.terms)
        engine = get_engine()
        quote, waiting_for = quote_now(caller.account, wanted, engine, controls)
        is_halted = controls.halt(new.chain_id, caller.account.id)
        now = datetime.now(UTC)
        body = QUOTE.render(
            Priced(new, quote, SwapPlan.of(quote, selectors.decimals_on(engine.chain.native))),
            waiting_for="halt" if is_halted else waiting_for,
            quoted_at=timestamp(now),
            expires_at=timestamp(now + timedelta(seconds=QUOTE_LIFE_S)),
        )
        return Response(body)


class VenuesView(AccountView):
    """GET /venues."""

    scopes: ClassVar = {"GET": scopes.READ}

    @extend_schema(responses=schema.answers(VENUES), operation_id="listVenues")
    def get(self, request: Request) -> Response:
        """The venues and their pools, as of the newest block."""
        decimals = selectors.token_decimals()
        return Response(venues_json(get_engine(), decimals, moves_real_money=moves_real_money()))


class TokensView(AccountView):
    """GET /tokens."""

    scopes: ClassVar = {"GET": scopes.READ}

    @extend_schema(responses=schema.answers(TOKENS), operation_id="listTokens")
    def get(self, request: Request) -> Response:
        """The tokens that orders may name."""
        return Response(TOKENS.render(token for token in selectors.tokens().values() if token.is_enabled))
