"""The account's event log over HTTP."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api import parameters, schema
from orders.api.base import AccountView, account_of
from orders.event_log.archived import EventsArchived, oldest_position
from orders.event_log.cursor import BEGINNING, Cursor, Position, read_cursor
from orders.event_log.event import EVENT
from orders.event_log.log import Page, newest, read_page
from orders.problems import Problem, ProblemError
from orders.scalars import read_whole_text
from orders.scopes import READ
from orders.shapes import Shape, boolean, listed, text

DEFAULT_LIMIT, MAX_LIMIT = 100, 500


EVENT_PAGE = Shape[Page](
    "EventPageShape",
    "Events of the account in order, and the cursor to go on from.",
    {
        "results": listed(EVENT, lambda page: [entry.event.to_json(str(entry.cursor)) for entry in page.entries]),
        "cursor": text(lambda page: str(page.end), "Send it as `after` for what follows, here or on the WebSocket."),
        "has_more": boolean(lambda page: page.is_full, "Whether more can be read at once."),
    },
)


class EventsView(AccountView):
    """GET /events."""

    scopes: ClassVar = {"GET": READ}
    query_names: ClassVar = {"GET": ("after", "limit")}

    @extend_schema(
        parameters=[
            parameters.AFTER_CURSOR,
            parameters.limit(MAX_LIMIT, DEFAULT_LIMIT, "Events per page."),
        ],
        responses={**schema.answers(EVENT_PAGE), **schema.GONE},
        operation_id="listEvents",
    )
    def get(self, request: Request) -> Response:
        """All events of the account after a cursor: the same records, in the same order, as `/ws/v1/stream` sends.

        Without a cursor from the oldest event on that is not archived.
        """
        limit = self.query.read("limit", lambda text: read_whole_text(text, 1, MAX_LIMIT)) or DEFAULT_LIMIT
        account_id = account_of(request).pk
        starts = self.query.read_all("after", read_cursor)
        after = _known(starts[0]) if starts else oldest_position(account_id)
        try:
            page = read_page(account_id, after, limit)
        except EventsArchived as gap:
            raise ProblemError(_archived(gap)) from gap
        return Response(EVENT_PAGE.render(page))


def _known(cursor: Cursor | None) -> Position:
    """Where to read on. Raises: ProblemError for a cursor of another log, or ahead of this one."""
    if cursor is None:
        return BEGINNING
    end = newest()
    if cursor.epoch != end.epoch or cursor.position.is_ahead_of(end.position):
        detail = "this cursor is of another database, as after a restore"
        raise ProblemError(Problem("cursor_unknown", detail, facts={"cursor": str(end)}))
    return cursor.position


def _archived(gap: EventsArchived) -> Problem:
    end = newest()
    return Problem(
        "cursor_unknown",
        "events after this cursor have been archived",
        "Read your orders, then go on from facts.cursor, or from facts.oldest with all events that are left",
        facts={"cursor": str(end), "oldest": str(Cursor(end.epoch, gap.oldest))},
    )
