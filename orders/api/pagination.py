"""Cursor pages of orders. In a module of its own: beside the views it would make an import cycle."""

import binascii
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from orders.presentation.orders import ORDER_PAGE
from orders.scalars import ScalarError, read_whole_text


class NewestFirst(CursorPagination):
    """By id, which is ordered by time: pages neither skip nor repeat while new orders arrive."""

    ordering = "-id"
    page_size = 50
    max_page_size = 500
    page_size_query_param = "limit"

    def get_page_size(self, request: Request) -> int:
        """The wanted size. Raises: ValidationError for anything but 1 to 500; DRF would take its own size silently."""
        wanted = request.query_params.get("limit")
        if wanted is None:
            return self.page_size
        try:
            return read_whole_text(wanted, 1, self.max_page_size)
        except ScalarError as error:
            raise ValidationError({"limit": error.detail}) from None

    def get_paginated_response(self, data: Any) -> Response:
        """The page between its neighbours."""
        page = ORDER_PAGE.render(data, next=self.get_next_link(), previous=self.get_previous_link())
        return Response(page)

    def decode_cursor(self, request: Request) -> Any:
        """The place to go on from. Raises: NotFound for anything that no page gave, where DRF would start again."""
        text = request.query_params.get(self.cursor_query_param)
        if text is not None and not _is_cursor(text):
            raise NotFound("there is no such page: take the cursor from `next` or `previous` as it is")
        return super().decode_cursor(request)


def _is_cursor(text: str) -> bool:
    """Whether the text names an order's id, as `encode_cursor` writes it."""
    try:
        parts = parse_qs(b64decode(text.encode("ascii"), validate=True).decode("ascii"), strict_parsing=True)
        return parts.keys() <= {"o", "r", "p"} and bool(UUID(parts["p"][0]))
    except (binascii.Error, KeyError, ValueError):
        return False
