"""The kill switch over HTTP: GET, POST and DELETE /halt."""

from collections.abc import Iterable
from typing import ClassVar

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import selectors
from orders.api import schema
from orders.api.base import SwitchView, account_of, actor_of, caller_of, fields_of
from orders.api.permissions import require
from orders.api.serializers import StrictTextField, WordField
from orders.api.strict import StrictSerializer
from orders.audit.record import Actor
from orders.engine import get_engine
from orders.event_log.event import timestamp
from orders.models import TradingControl
from orders.problems import Problem, ProblemError
from orders.risk.pause import SCOPES, Target, find_paused, find_target, pause, resume
from orders.scopes import ADMIN
from orders.shapes import Shape, boolean, choice, listed, text, time


class HaltRequestSerializer(StrictSerializer):
    """What to pause or to resume; without a word, the caller's own account."""

    scope = WordField(choices=SCOPES, required=False, default="account")
    name = StrictTextField(
        max_length=128,
        required=False,
        default="",
        validators=[RegexValidator(r"\S", "must name one: leave it out for your own, and for all")],
        help_text="Account, wallet, venue or chain. Left out: one's own account, the engine's chain, or all of it.",
    )
    reason = StrictTextField(
        max_length=200, validators=[RegexValidator(r"\S", "must say why")], help_text="Kept in the audit log."
    )


HALT = Shape[TradingControl](
    "HaltShape",
    "One pause that is in force.",
    {
        "scope": choice(SCOPES),
        "chain": text(lambda row: row.chain_id or None, null=True),
        "account": text(lambda row: row.account and row.account.name, null=True),
        "venue": text(lambda row: row.venue or None, null=True),
        "is_by_owner": boolean(about="The account itself may lift it."),
        "reason": text(),
        "since": time(lambda row: timestamp(row.at)),
    },
)
HALTS = Shape[Iterable[TradingControl]](
    "HaltsShape",
    "The pauses that hold the caller's orders, or change their routes.",
    {"results": listed(HALT, lambda rows: [HALT.render(row) for row in rows])},
)


class HaltView(SwitchView):
    """GET, POST and DELETE /halt."""

    look_up: ClassVar = {
        "POST": "GET /api/v1/halt says whether the pause is in force; pausing twice does no harm",
        "DELETE": "GET /api/v1/halt says whether the pause is in force; resuming twice does no harm",
    }

    @extend_schema(responses=schema.answers(HALTS), operation_id="listHalts")
    def get(self, request: Request) -> Response:
        """The pauses that concern the caller."""
        return _halts(request)

    @extend_schema(request=HaltRequestSerializer, responses=schema.answers(HALTS), operation_id="haltTrading")
    def post(self, request: Request) -> Response:
        """Pause: from this answer on nothing new is sent. Anything but one's own account needs the scope `admin`."""
        target, actor, is_by_owner = _asked(request)
        pause(target, actor, is_by_owner=is_by_owner)
        return _halts(request)

    @extend_schema(request=HaltRequestSerializer, responses=schema.answers(HALTS), operation_id="resumeTrading")
    def delete(self, request: Request) -> Response:
        """Resume: waiting orders go on, at prices of now. An account lifts only what it has set itself."""
        target, actor, is_by_owner = _asked(request)
        if not resume(target, actor, is_by_owner=is_by_owner):
            raise ProblemError(Problem("not_found", f"you have set no pause of {target.scope} {target.name}".rstrip()))
        return _halts(request)


def _halts(request: Request) -> Response:
    return Response(HALTS.render(selectors.controls_of(account_of(request))))


def _asked(request: Request) -> tuple[Target, Actor, bool]:
    """What the body names, who asks, and whether as the owner of the account."""
    asked, caller = fields_of(request, HaltRequestSerializer), caller_of(request)
    is_own = asked["scope"] == "account" and asked["name"] in {"", caller.account.name}
    if is_own:
        target = Target("account", caller.account.name, account_id=caller.account.id)
    else:
        require(caller, ADMIN)
        find = find_paused if request.method == "DELETE" else find_target
        target = find(asked["scope"], asked["name"], get_engine())
    return target, actor_of(request, asked["reason"]), is_own and not caller.may(ADMIN)
