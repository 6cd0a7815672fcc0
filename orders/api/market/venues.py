"""What can be traded, and where: GET /venues, GET /tokens."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes, selectors
from orders.api import schema
from orders.api.base import AccountView
from orders.engine import get_engine, moves_real_money
from orders.presentation.market import TOKENS, VENUES, venues_json


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
