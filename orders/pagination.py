"""Cursor pages of orders. In a module of its own: beside the views it would make an import cycle."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """By id, which is ordered by time: pages neither skip nor repeat while new orders arrive."""

    ordering = "-id"
    page_size = 50
    max_page_size = 500
    page_size_query_param = "limit"
