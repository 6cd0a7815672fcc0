"""What can be traded, where, and at what price: GET /venues, GET /tokens, POST /quotes."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import schema, selectors
from orders.access import AccountView, caller_of, checked
from orders.engine import get_engine, moves_real_money
from orders.events import timestamp
from orders.intake import quote_terms
from orders.posts import read_offer
from orders.representation import quote_json
from orders.scopes import QUOTE, READ
from orders.selectors import read_controls
from orders.serializers import QuoteRequestSerializer
from orders.services.quote import quote_now, require_room
from orders.terms import swap_request

QUOTE_LIFE_S = 5


class QuotesView(AccountView):
    """POST /quotes."""

    scopes: ClassVar = {"POST": QUOTE}

    @extend_schema(
        request=QuoteRequestSerializer,
        examples=[schema.SWAP],
        responses=schema.answers(schema.QUOTE),
        operation_id="quote",
    )
    def post(self, request: Request) -> Response:
        """What the caller's order would get now: price, route, guards, every venue's own quote; nothing is stored."""
        serializer = QuoteRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        caller, controls = caller_of(request), read_controls()
        terms = checked(quote_terms(serializer.validated_data, read_offer()), caller)
        require_room(caller.account, terms, caller.key)
        wanted = swap_request(terms.token_in, terms.token_out, terms.side, terms.amount, terms.extra)
        quote = quote_now(caller.account, wanted, get_engine(), controls)
        now = datetime.now(UTC)
        expires_at = timestamp(now + timedelta(seconds=QUOTE_LIFE_S))
        body = quote_json(terms, quote, selectors.token_decimals(), timestamp(now), expires_at)
        is_halted = controls.halt(terms.chain_id, caller.account.id)
        return Response(body | {"waiting_for": "halt" if is_halted else None})


class VenuesView(AccountView):
    """GET /venues."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(schema.VENUES), operation_id="listVenues")
    def get(self, request: Request) -> Response:
        """The venues and their pools, as of the newest block."""
        engine = get_engine()
        about = {"chain": engine.chain.chain_id, "moves_real_money": moves_real_money()}
        return Response(about | selectors.venues(engine))


class TokensView(AccountView):
    """GET /tokens."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(schema.TOKENS), operation_id="listTokens")
    def get(self, request: Request) -> Response:
        """The tokens that orders may name."""
        rows = [token for token in selectors.tokens().values() if token.is_enabled]
        shown = [{"symbol": token.symbol, "name": token.name, "decimals": token.decimals} for token in rows]
        return Response({"results": shown})
