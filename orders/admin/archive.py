"""Admin pages of orders that have left the tables for files: which file each is in."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.admin.base import ReadOnly
from orders.admin.large import MOST_FOUND, LargeTable, order_ids
from orders.models import ArchivedOrder, ArchiveFile


@admin.register(ArchiveFile)
class ArchiveFileAdmin(ReadOnly):
    """Files with the orders of one month each."""

    list_display = ("name", "month", "order_count", "event_count", "size", "sealed_at", "emptied_at")
    ordering = ("-month", "-id")


@admin.register(ArchivedOrder)
class ArchivedOrderAdmin(LargeTable):
    """Orders that are in files. `manage.py archive show` reads one."""

    list_display = ("order_id", "account", "client_order_id", "file")
    list_select_related = ("account", "file")
    ordering = ("-order_id",)
    sortable_by = ()
    search_fields = ("order_id", "client_order_id")
    search_help_text = "order id or client_order_id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By either id, each with its index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        own = ArchivedOrder.objects.filter(client_order_id=term).order_by("client_order_id", "account")
        return queryset.filter(pk__in=[*order_ids(term), *own.values_list("pk", flat=True)[:MOST_FOUND]]), False
