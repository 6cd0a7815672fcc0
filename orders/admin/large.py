"""Admin lists of tables that grow without end: what a page costs does not grow with them.

Nothing is counted or sorted that no index holds. What has no index is looked for among the newest rows alone, and the
page says so.
"""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.admin.base import ReadOnly
from orders.models import Order

# Rows that a list goes back to, page by page.
MOST_LISTED = 5_000
# Rows among which is looked for what no index holds.
NEWEST = 2_000
# Rows that a search shows of each kind of match.
MOST_FOUND = 500


class NewestPages(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Pages of the first rows; how many there are of all is not known."""

    most = MOST_LISTED

    @cached_property
    def count(self) -> int:
        """As many as are listed."""
        rows: QuerySet[Any] = self.object_list[: self.most]  # type: ignore[assignment]  # admin lists are querysets
        return rows.count()


class SortedAsOffered(ChangeList):
    """Sorts by the columns that the page offers; others that its address names are ignored."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """None for every other column, as for one that cannot be sorted by."""
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None


class LargeTable(ReadOnly):
    """Read-only rows, newest first."""

    ordering = ("-id",)
    paginator = NewestPages
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/orders/large_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """One that sorts by indexes alone."""
        return SortedAsOffered


class OfOrders(LargeTable):
    """Rows that belong to orders, found by the order's id."""

    search_fields = ("order_id",)
    search_help_text = "order id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Those of one order."""
        return (queryset.filter(order_id__in=order_ids(search_term)) if search_term.strip() else queryset), False


class AmongNewest(admin.SimpleListFilter):
    """A filter that no index serves: it looks at the newest rows alone."""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.title = f"{self.title}, of the newest {NEWEST:,}"
        super().__init__(request, params, model, model_admin)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of them that fit."""
        word = self.value()
        return queryset if word is None else self.narrowed(among_newest(queryset), word)

    def narrowed(self, queryset: QuerySet[Any], word: str) -> QuerySet[Any]:
        """The rows that fit a choice."""
        raise NotImplementedError


def among_newest(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the table's newest rows."""
    oldest = queryset.model._default_manager.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1]
    return queryset.filter(pk__gt=oldest[0]) if oldest else queryset


def order_ids(text: str) -> list[UUID]:
    """The UUID in the text, or nothing."""
    try:
        return [Order._meta.pk.to_python(text.strip())] if text.strip() else []
    except ValidationError:
        return []
