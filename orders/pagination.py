"""Cursor pages of orders. In a module of its own: beside the views it would make an import cycle."""

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


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
        if not (wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= self.max_page_size):
            raise ValidationError({"limit": f"a whole number from 1 to {self.max_page_size}"})
        return int(wanted)
