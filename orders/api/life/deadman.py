"""The dead-man switch over HTTP: POST, GET and DELETE /deadman."""

from datetime import datetime
from typing import ClassVar, NamedTuple

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api import schema
from orders.api.base import SwitchView, account_of, actor_of, fields_of
from orders.api.serializers import WholeField
from orders.api.strict import StrictSerializer
from orders.event_log.event import timestamp
from orders.pipeline.life.deadman import LEAST_S, MOST_S, Switch, disarm, read_switch, renew
from orders.shapes import Shape, boolean, choice, integer, time

STATES = ("disarmed", "armed", "fired")


class DeadmanSerializer(StrictSerializer):
    """In how many seconds it fires unless it is renewed."""

    timeout_s = WholeField(LEAST_S, MOST_S, help_text="Seconds from this request on.")


class Shown(NamedTuple):
    """A switch, or that there is none; and when it had fired before the request that arms it again."""

    switch: Switch | None
    fired_before: datetime | None = None


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


def _state(shown: Shown) -> str:
    if shown.switch is None:
        return "disarmed"
    return "armed" if shown.switch.fired_at is None else "fired"


DEADMAN = Shape[Shown](
    "DeadmanShape",
    "The account's dead-man switch.",
    {
        "state": choice(STATES, _state),
        "timeout_s": integer(lambda shown: shown.switch and shown.switch.timeout_s, null=True),
        "due_at": time(lambda shown: _time(shown.switch and shown.switch.due_at), "When it fires.", null=True),
        "renewed_at": time(lambda shown: _time(shown.switch and shown.switch.renewed_at), null=True),
        "fired_at": time(
            lambda shown: _time(shown.fired_before or (shown.switch and shown.switch.fired_at)),
            "When it fired; beside armed: when it had fired before this request armed it again.",
            null=True,
        ),
        "is_cancelling": boolean(
            lambda shown: shown.switch is not None and shown.switch.sweep_before is not None,
            "It has fired, and orders are left that it cancels.",
        ),
    },
)


class DeadmanView(SwitchView):
    """POST, GET and DELETE /deadman."""

    look_up: ClassVar = {
        "POST": "GET /api/v1/deadman says when it is due; renewing it twice does no harm",
        "DELETE": "GET /api/v1/deadman says whether it is armed; disarming it twice does no harm",
    }

    @extend_schema(responses=schema.answers(DEADMAN), operation_id="getDeadman")
    def get(self, request: Request) -> Response:
        """The switch as it stands."""
        return Response(DEADMAN.render(Shown(read_switch(account_of(request)))))

    @extend_schema(
        request=DeadmanSerializer,
        examples=[schema.example("Half a minute", {"timeout_s": 30})],
        responses=schema.answers(DEADMAN),
        operation_id="renewDeadman",
    )
    def post(self, request: Request) -> Response:
        """Arm or renew it: unless it is renewed in time, all waiting orders of the account are cancelled, once."""
        timeout_s = fields_of(request, DeadmanSerializer)["timeout_s"]
        switch, fired_before = renew(account_of(request), timeout_s, actor_of(request, ""))
        return Response(DEADMAN.render(Shown(switch, fired_before)))

    @extend_schema(request=None, responses=schema.answers(DEADMAN), operation_id="disarmDeadman")
    def delete(self, request: Request) -> Response:
        """Disarm it. What it has begun to cancel it still cancels."""
        return Response(DEADMAN.render(Shown(disarm(account_of(request), actor_of(request, "")))))
