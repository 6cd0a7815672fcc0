"""What can be traded, where, and at what price: GET /venues, GET /tokens, POST /quotes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dex import DexError
from orders import schema, selectors
from orders.access import AccountView, account_of
from orders.engine import get_engine, moves_real_money
from orders.events import timestamp
from orders.intake import quote_terms
from orders.posts import read_offer
from orders.problems import ProblemError
from orders.representation import quote_json
from orders.scopes import QUOTE, READ
from orders.serializers import QuoteRequestSerializer
from orders.services.settled import problem_of
from orders.services.wallets import closed_venues
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
        """Price, route, guards and every venue's own quote; nothing is stored."""
        serializer = QuoteRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        terms = quote_terms(serializer.validated_data, read_offer())
        wanted = swap_request(terms.token_in, terms.token_out, terms.side, terms.amount, terms.extra)
        account_id, engine = account_of(request).id, get_engine()
        closed = closed_venues([account_id], engine, makes_wallets=False).get(account_id, frozenset())
        quote = engine.route([replace(wanted, deny_venues=wanted.deny_venues | closed)])[0]
        if isinstance(quote, DexError):
            raise ProblemError(problem_of(quote))
        now = datetime.now(UTC)
        expires_at = timestamp(now + timedelta(seconds=QUOTE_LIFE_S))
        return Response(quote_json(terms, quote, selectors.token_decimals(), timestamp(now), expires_at))


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
