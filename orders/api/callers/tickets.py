"""Single-use tickets, by which a browser opens a WebSocket: POST /ws-tickets."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.access.tickets import TICKET_LIFE_S, issue_ticket
from orders.api import schema
from orders.api.base import AccountView, caller_of
from orders.api.strict import StrictSerializer
from orders.scopes import READ
from orders.shapes import Shape, integer, text

TICKET = Shape[str](
    "TicketShape",
    "A ticket for one WebSocket.",
    {"ticket": text(lambda ticket: ticket), "expires_in_s": integer(lambda _: TICKET_LIFE_S)},
)


class NothingSerializer(StrictSerializer):
    """A body without fields."""


class WsTicketsView(AccountView):
    """POST /ws-tickets."""

    scopes: ClassVar = {"POST": READ}
    look_up: ClassVar = {"POST": "Ask for another ticket; the lost one opens nothing, since its text is unknown"}

    @extend_schema(request=NothingSerializer, responses=schema.answers(TICKET, 201), operation_id="issueWsTicket")
    def post(self, request: Request) -> Response:
        """A ticket that opens one WebSocket within 30 s, as subprotocol `oe.v1, ticket.<ticket>` or first frame."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        caller = caller_of(request)
        session_key = "" if caller.person is None else caller.person.session_key
        ticket = issue_ticket(caller.account.pk, caller.key_prefix, session_key)
        answer = Response(TICKET.render(ticket), status=201)
        answer["Cache-Control"] = "no-store"
        return answer
