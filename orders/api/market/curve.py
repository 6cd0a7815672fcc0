"""The price as a curve of the order's size: POST /quotes/curve."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from orders import scopes, selectors
from orders.api import schema
from orders.api.base import AccountView, caller_of, fields_of
from orders.api.intake import order_to_quote
from orders.api.posts import read_offer
from orders.api.records.at_once import AtOnce
from orders.api.serializers import AmountField, SwapSerializer
from orders.engine import get_engine
from orders.presentation.curve import CURVE, curve_json
from orders.selectors import read_controls
from orders.services.curve import quoted_curve
from orders.services.quote_ids import text_of_ms

MOST_AMOUNTS = 12
# One of an account, and two in a web process: each routes as often as it has amounts, and quotes have to go on.
CURVES = AtOnce("curves", of_account=1, of_all=2)


class AmountsField(serializers.ListField):
    """Some amounts."""

    child = AmountField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=MOST_AMOUNTS, **kwargs)


class CurveRequestSerializer(SwapSerializer):
    """POST /quotes/curve: as POST /quotes, with several amounts."""

    amount = None  # type: ignore[assignment]  # which takes the field out
    amounts = AmountsField(help_text="Token units: of token_in for exact_in, of token_out for exact_out.")


class CurveView(AccountView):
    """POST /quotes/curve."""

    scopes: ClassVar = {"POST": scopes.QUOTE}

    @extend_schema(
        request=CurveRequestSerializer,
        examples=[schema.CURVE],
        responses=schema.answers(CURVE),
        operation_id="quoteCurve",
    )
    def post(self, request: Request) -> Response:
        """What each of several amounts would get on one market. It counts as as many requests as it has amounts."""
        fields = fields_of(request, CurveRequestSerializer)
        caller, amounts = caller_of(request), fields.pop("amounts")
        for throttle in self.asked_throttles:
            if not throttle.allows_more(len(amounts) - 1):
                raise Throttled(wait=throttle.wait())
        offer = read_offer()
        orders = [order_to_quote(fields | {"amount": each}, offer) for each in amounts]
        with CURVES.one(caller.account):
            curve = quoted_curve(caller, orders, get_engine(), read_controls())
        return Response(curve_json(curve, text_of_ms(selectors.database_time_ms())))
