"""What an order would get now: POST /quotes."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes, selectors
from orders.api import schema
from orders.api.base import AccountView, caller_of, fields_of
from orders.api.intake import order_to_quote
from orders.api.posts import read_offer
from orders.api.serializers import QuoteRequestSerializer
from orders.engine import get_engine
from orders.presentation.orders import QUOTE
from orders.selectors import read_controls
from orders.services.quoted_order import quoted_order


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
        order = quoted_order(caller, order_to_quote(fields, read_offer()), get_engine(), controls)
        return Response(order.shown(selectors.database_time_ms()))
