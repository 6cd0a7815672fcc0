"""The kill switch over HTTP: GET, POST and DELETE /halt."""

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import schema, selectors
from orders.access import AccountView
from orders.authentication import Caller
from orders.engine import get_engine
from orders.events import timestamp
from orders.models import TradingControl
from orders.permissions import require
from orders.problems import Problem, ProblemError
from orders.scopes import ADMIN, CANCEL, READ, TRADE
from orders.serializers import StrictSerializer, StrictTextField, WordField
from orders.services.audit import Actor
from orders.services.pause import SCOPES, Target, find_paused, find_target, pause, resume


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


class HaltShape(serializers.Serializer[Any]):
    """One pause that is in force."""

    scope = serializers.ChoiceField(choices=SCOPES)
    chain = serializers.CharField(allow_null=True)
    account = serializers.CharField(allow_null=True)
    venue = serializers.CharField(allow_null=True)
    is_by_owner = serializers.BooleanField(help_text="The account itself may lift it.")
    reason = serializers.CharField()
    since = serializers.DateTimeField()


class HaltsShape(serializers.Serializer[Any]):
    """The pauses that hold the caller's orders, or change their routes."""

    results = HaltShape(many=True)


class HaltView(AccountView):
    """GET, POST and DELETE /halt."""

    scopes: ClassVar = {"GET": READ, "POST": CANCEL, "DELETE": TRADE}
    look_up: ClassVar = {
        "POST": "GET /api/v1/halt says whether the pause is in force; pausing twice does no harm",
        "DELETE": "GET /api/v1/halt says whether the pause is in force; resuming twice does no harm",
    }

    @extend_schema(responses=schema.answers(HaltsShape), operation_id="listHalts")
    def get(self, request: Request) -> Response:
        """The pauses that concern the caller."""
        return self._halts(request.user)  # type: ignore[arg-type]

    @extend_schema(request=HaltRequestSerializer, responses=schema.answers(HaltsShape), operation_id="haltTrading")
    def post(self, request: Request) -> Response:
        """Pause: from this answer on nothing new is sent. Anything but one's own account needs the scope `admin`."""
        target, actor, is_by_owner = _asked(request)
        pause(target, actor, is_by_owner=is_by_owner)
        return self._halts(request.user)  # type: ignore[arg-type]

    @extend_schema(request=HaltRequestSerializer, responses=schema.answers(HaltsShape), operation_id="resumeTrading")
    def delete(self, request: Request) -> Response:
        """Resume: waiting orders go on, at prices of now. An account lifts only what it has set itself."""
        target, actor, is_by_owner = _asked(request)
        if not resume(target, actor, is_by_owner=is_by_owner):
            raise ProblemError(Problem("not_found", f"you have set no pause of {target.scope} {target.name}".rstrip()))
        return self._halts(request.user)  # type: ignore[arg-type]

    @staticmethod
    def _halts(caller: Caller) -> Response:
        return Response({"results": [_halt_json(row) for row in selectors.controls_of(caller.account)]})


def _asked(request: Request) -> tuple[Target, Actor, bool]:
    """What the body names, who asks, and whether as the owner of the account."""
    serializer = HaltRequestSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    asked, caller = serializer.validated_data, request.user
    assert isinstance(caller, Caller)
    is_own = asked["scope"] == "account" and asked["name"] in {"", caller.account.name}
    if is_own:
        target = Target("account", caller.account.name, account_id=caller.account.id)
    else:
        require(caller, ADMIN)
        find = find_paused if request.method == "DELETE" else find_target
        target = find(asked["scope"], asked["name"], get_engine())
    actor = Actor(caller.name, request.META.get("REMOTE_ADDR", ""), asked["reason"])
    return target, actor, is_own and not caller.may(ADMIN)


def _halt_json(row: TradingControl) -> dict[str, Any]:
    return {
        "scope": row.scope,
        "chain": row.chain_id or None,
        "account": row.account and row.account.name,
        "venue": row.venue or None,
        "is_by_owner": row.is_by_owner,
        "reason": row.reason,
        "since": timestamp(row.at),
    }
