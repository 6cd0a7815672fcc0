"""POST /orders/cancel: open orders by filter, with an answer for each of them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api import parameters, schema
from orders.api.base import AccountView, account_of, actor_of, fields_of
from orders.api.posts import answer_post
from orders.api.serializers import (
    ClientOrderIdField,
    FlagField,
    OrderTypeField,
    ScalarField,
    StrictTextField,
    TimeField,
    WholeField,
)
from orders.api.strict import StrictSerializer
from orders.inputs.filters import read_known_pair, read_tag
from orders.models import Account, Order
from orders.order_list.pages import cancellable_ids
from orders.order_list.wanted import Wanted
from orders.problems import FieldError, Problem, ProblemError
from orders.scalars import ScalarError, read_choice
from orders.scopes import CANCEL
from orders.services.cancel import CancelResult, cancel_orders
from orders.services.idempotency import Answer
from orders.shapes import Shape, boolean, choice, integer, listed, text, uuid
from orders.states import LIVE, OrderStatus

MOST = 1000
MOST_STATUSES = 16
LIVE_NAMES = [status.value for status in LIVE]
FILTERS = ("status", "type", "pair", "tag", "client_order_id", "created_after", "created_before")


@extend_schema_field(
    {
        "oneOf": [
            {"enum": LIVE_NAMES},
            {"type": "array", "items": {"enum": LIVE_NAMES}, "minItems": 1, "maxItems": MOST_STATUSES},
        ]
    }
)
class LiveStatusesField(ScalarField):
    """One status of open orders, or several."""

    @staticmethod
    def read(value: Any) -> frozenset[str]:
        """Raises: ScalarError."""
        named = value if isinstance(value, list) else [value]
        if not 1 <= len(named) <= MOST_STATUSES:
            raise ScalarError(f"must name 1 to {MOST_STATUSES} statuses: leave it out for all of them")
        return frozenset(read_choice(name, LIVE_NAMES) for name in named)


@extend_schema_field(parameters.PAIR)
class PairField(ScalarField):
    """`SOL/USDC`: in that direction."""

    read = staticmethod(read_known_pair)


@extend_schema_field(parameters.TAG)
class TagField(ScalarField):
    """`book:eu`, or `book` for any value."""

    read = staticmethod(read_tag)


class CancelManySerializer(StrictSerializer):
    """Which open orders to cancel: those that all filters fit, or `all` of them."""

    all = FlagField(required=False, help_text="All open orders of the account. Goes with no filter.")
    status = LiveStatusesField(required=False, help_text="One status or a list.")
    type = OrderTypeField(required=False)
    pair = PairField(required=False, help_text="`SOL/USDC`: in that direction.")
    tag = TagField(required=False, help_text="`book:eu`, or `book` for any value.")
    client_order_id = ClientOrderIdField(required=False)
    created_after = TimeField(required=False, help_text="RFC 3339: at that time or later.")
    created_before = TimeField(required=False, help_text="RFC 3339: before that time.")
    limit = WholeField(1, MOST, required=False, default=MOST, help_text="Most orders, the oldest first.")
    reason = StrictTextField(
        max_length=200,
        required=False,
        validators=[RegexValidator(r"\S", "must say why")],
        help_text="Kept in the audit log and in the orders' failure.",
    )


class Cancelled(NamedTuple):
    """One order of a cancel by filter, as it stands after it."""

    order: Order
    result: CancelResult


class CancelledMany(NamedTuple):
    """Each order that the filter found, and whether it would find more."""

    each: Sequence[Cancelled]
    has_more: bool


CANCELLED = Shape[Cancelled](
    "CancelledShape",
    "What became of one order. too_late: its cancel is stored, the chain decides; already_ended: it ended meanwhile.",
    {
        "id": uuid(lambda one: str(one.order.id)),
        "client_order_id": text(lambda one: one.order.client_order_id, null=True),
        "result": choice(CancelResult),
        "status": choice(OrderStatus, lambda one: one.order.status),
        "outcome": text(lambda one: one.order.outcome, null=True),
        "version": integer(lambda one: one.order.seq),
    },
)
CANCELLED_MANY = Shape[CancelledMany](
    "CancelledManyShape",
    "One answer per order, oldest first.",
    {
        "results": listed(CANCELLED, lambda many: [CANCELLED.render(one) for one in many.each]),
        "has_more": boolean(about="More open orders fit the filter: send it again."),
    },
)
CANCEL_ALL = schema.example("All open orders", {"all": True, "reason": "end of day"})
CANCEL_PAIR = schema.example("What waits, of one pair", {"status": "PENDING", "pair": "SOL/USDC"})


class CancelManyView(AccountView):
    """POST /orders/cancel."""

    scopes: ClassVar = {"POST": CANCEL}
    look_up: ClassVar = {"POST": "GET /api/v1/orders says what became of them; again does no harm"}

    @extend_schema(
        parameters=[parameters.IDEMPOTENCY_KEY],
        request=CancelManySerializer,
        examples=[CANCEL_ALL, CANCEL_PAIR],
        responses=schema.answers(CANCELLED_MANY),
        operation_id="cancelOrders",
    )
    def post(self, request: Request) -> Response:
        """Cancel up to 1,000 open orders that fit a filter; those of which a cancel is stored already are left out."""
        fields = fields_of(request, CancelManySerializer)
        wanted, actor = _wanted(fields), actor_of(request, fields.get("reason", ""))
        account = account_of(request)

        def run() -> Answer:
            found = cancellable_ids(account.pk, wanted, fields["limit"] + 1)
            ids = found[: fields["limit"]]
            results = cancel_orders(ids, actor=actor, account=account)
            return Answer(
                200, CANCELLED_MANY.render(_many(account, ids, results, len(found) > len(ids))), is_change=True
            )

        return answer_post(request, run)


def _wanted(fields: Mapping[str, Any]) -> Wanted:
    """What is to be cancelled. Raises: ProblemError where that is not said: no filter must not mean all orders."""
    named = [name for name in FILTERS if name in fields]
    if fields.get("all", False) == bool(named):
        detail = "all goes with no filter" if named else 'state a filter, or {"all": true} for all open orders'
        raise ProblemError(Problem("fields_conflict", detail, errors=[FieldError("/all", "fields_conflict", detail)]))
    return Wanted(
        statuses=fields.get("status", frozenset()),
        order_type=fields.get("type"),
        client_order_id=fields.get("client_order_id"),
        pair=fields.get("pair"),
        tag=fields.get("tag"),
        created_after=fields.get("created_after"),
        created_before=fields.get("created_before"),
    )


def _many(account: Account, ids: Sequence[UUID], results: Mapping[UUID, CancelResult], has_more: bool) -> CancelledMany:
    """In the transaction that cancelled them: their rows are locked, so nothing has happened to them since."""
    rows = Order.objects.filter(account=account, pk__any_of=ids).in_bulk() if ids else {}
    return CancelledMany([Cancelled(rows[one], results[one]) for one in ids if one in results], has_more)
