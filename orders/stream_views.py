"""The account's event log over HTTP, and the tickets that open its WebSocket twin from a browser."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import parameters, schema
from orders.access import AccountView, account_of, caller_of
from orders.cursor import BEGINNING, Cursor, Position, read_cursor
from orders.event_log import newest, read_page
from orders.problems import Problem, ProblemError
from orders.scalars import read_whole_text
from orders.schema import EventShape
from orders.scopes import READ
from orders.serializers import StrictSerializer
from orders.services.tickets import TICKET_LIFE_S, issue_ticket

DEFAULT_LIMIT, MAX_LIMIT = 100, 500


class EventPageShape(serializers.Serializer[Any]):
    """Events of the account in order, and the cursor to go on from."""

    results = EventShape(many=True)
    cursor = serializers.CharField(help_text="Send it as `after` for what follows, here or on the WebSocket.")
    has_more = serializers.BooleanField(help_text="Whether more can be read at once.")


class TicketShape(serializers.Serializer[Any]):
    """A ticket for one WebSocket."""

    ticket = serializers.CharField()
    expires_in_s = serializers.IntegerField()


class NothingSerializer(StrictSerializer):
    """A body without fields."""


class EventsView(AccountView):
    """GET /events."""

    scopes: ClassVar = {"GET": READ}
    query_names: ClassVar = {"GET": ("after", "limit")}

    @extend_schema(
        parameters=[
            parameters.AFTER_CURSOR,
            parameters.limit(MAX_LIMIT, DEFAULT_LIMIT, "Events per page."),
        ],
        responses={**schema.answers(EventPageShape), **schema.OTHER_LOG},
        operation_id="listEvents",
    )
    def get(self, request: Request) -> Response:
        """All events of the account after a cursor: the same records, in the same order, as `/ws/v1/stream` sends."""
        limit = self.query.read("limit", lambda text: read_whole_text(text, 1, MAX_LIMIT)) or DEFAULT_LIMIT
        page = read_page(account_of(request).pk, _known(self.query.read("after", read_cursor)), limit)
        return Response(
            {
                "results": [entry.event.to_json(str(entry.cursor)) for entry in page.entries],
                "cursor": str(page.end),
                "has_more": page.is_full,
            }
        )


class WsTicketsView(AccountView):
    """POST /ws-tickets."""

    scopes: ClassVar = {"POST": READ}
    look_up: ClassVar = {"POST": "Ask for another ticket; one that may be stored opens nothing, for nobody knows it"}

    @extend_schema(request=NothingSerializer, responses=schema.answers(TicketShape, 201), operation_id="issueWsTicket")
    def post(self, request: Request) -> Response:
        """A ticket that opens one WebSocket within 30 s, as subprotocol `oe.v1, ticket.<ticket>` or first frame."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        caller = caller_of(request)
        ticket = issue_ticket(caller.account.pk, caller.key_prefix)
        answer = Response({"ticket": ticket, "expires_in_s": TICKET_LIFE_S}, status=201)
        answer["Cache-Control"] = "no-store"
        return answer


def _known(cursor: Cursor | None) -> Position:
    """Where to read on. Raises: ProblemError for a cursor of another log, or ahead of this one."""
    if cursor is None:
        return BEGINNING
    end = newest()
    if cursor.epoch != end.epoch or cursor.position.is_ahead_of(end.position):
        detail = "this cursor is of another database, as after a restore"
        raise ProblemError(Problem("cursor_unknown", detail, facts={"cursor": str(end)}))
    return cursor.position
