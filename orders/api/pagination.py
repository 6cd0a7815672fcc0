"""Cursor pages of orders: where a page begins, and the links to its neighbours."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from orders.inputs.query import Query
from orders.models import Account, Order
from orders.order_list.pages import Place, read_page
from orders.order_list.wanted import Wanted
from orders.scalars import read_whole_text

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_MICROSECONDS = (datetime(9999, 12, 31, tzinfo=UTC) - _BEGINNING) // _MICROSECOND
NO_SUCH_PAGE = "there is no such page: take the cursor from `next` or `previous` as it is"


class Cursor(NamedTuple):
    """After the order that stands at a place, or with `is_newer` before it."""

    place: Place
    is_newer: bool = False

    def __str__(self) -> str:
        at, order_id = self.place
        parts = {"p": str(order_id), "t": str((at - _BEGINNING) // _MICROSECOND)} | (
            {"r": "1"} if self.is_newer else {}
        )
        return b64encode(urlencode(parts).encode("ascii")).decode("ascii")


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Some orders, newest first, and the links to those that follow and to those before; None where there are none."""

    orders: list[Order]
    next: str | None
    previous: str | None


def newest_first(account: Account, wanted: Wanted, query: Query, request: Request) -> OrderPage:
    """The page that a request asks for. Pages neither skip nor repeat while new orders arrive.

    Raises: ProblemError for a limit that is none, NotFound for a cursor that no page gave, where others would start
    again.
    """
    limit = query.read("limit", lambda text: read_whole_text(text, 1, MAX_LIMIT)) or DEFAULT_LIMIT
    cursor = query.read("cursor", lambda text: _read_cursor(text, account))
    place, is_newer = cursor or (None, False)
    orders = read_page(account.pk, wanted, limit + 1, place, is_newer=is_newer)
    has_more = len(orders) > limit
    # The one too many is the farthest from the place.
    orders = orders[-limit:] if is_newer else orders[:limit]
    follows, precedes = (True, has_more) if is_newer else (has_more, place is not None)
    return OrderPage(
        orders,
        _link(request, Cursor(_place(orders[-1]))) if orders and follows else None,
        _link(request, Cursor(_place(orders[0]), is_newer=True)) if orders and precedes else None,
    )


def _place(order: Order) -> Place:
    return Place(order.created_at, order.id)


def _link(request: Request, cursor: Cursor) -> str:
    link: str = replace_query_param(request.build_absolute_uri(), "cursor", str(cursor))
    return link


def _read_cursor(text: str, account: Account) -> Cursor:
    """As `Cursor` writes it; also without the time, as the version before wrote it. Raises: NotFound."""
    try:
        parts = parse_qs(b64decode(text.encode("ascii"), validate=True).decode("ascii"), strict_parsing=True)
        order_id = UUID(parts["p"][0])
        microseconds = read_whole_text(parts["t"][0], 0, _MOST_MICROSECONDS) if "t" in parts else None
    except (binascii.Error, KeyError, ValueError):
        raise NotFound(NO_SUCH_PAGE) from None
    if parts.keys() - {"p", "t", "r"}:
        raise NotFound(NO_SUCH_PAGE)
    at = _placed_at(order_id, account) if microseconds is None else _BEGINNING + microseconds * _MICROSECOND
    return Cursor(Place(at, order_id), is_newer="r" in parts)


def _placed_at(order_id: UUID, account: Account) -> datetime:
    at = Order.objects.filter(account=account, pk=order_id).values_list("created_at", flat=True).first()
    if at is None:
        raise NotFound(NO_SUCH_PAGE)
    return at
