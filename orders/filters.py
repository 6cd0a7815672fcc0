"""What the list of orders can be narrowed by."""

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from orders.models import Order
from orders.states import OrderStatus

PAGE_PARAMETERS = frozenset({"limit", "cursor"})


class OrderFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Query parameters of GET /orders; an unknown value is refused, not ignored."""

    status = django_filters.MultipleChoiceFilter(choices=[(status.value, status.value) for status in OrderStatus])
    outcome = django_filters.CharFilter(max_length=32, strip=False)
    type = django_filters.CharFilter(field_name="order_type", max_length=32, strip=False)
    pair = django_filters.CharFilter(method="by_pair", max_length=65, strip=False)
    tag = django_filters.CharFilter(method="by_tag", max_length=130, strip=False)
    client_order_id = django_filters.CharFilter(max_length=64, strip=False)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields: list[str] = []

    def is_valid(self) -> bool:
        """Whether every parameter is known, stated once and not empty: a filter that says nothing is a mistake."""
        for name, values in self.data.lists():
            if name not in self.filters and name not in PAGE_PARAMETERS:
                self.form.add_error(None, ValidationError(f"there is no parameter {name[:40]!r}", "unknown_field"))
            elif name in self.filters and (not all(values) or (len(values) > 1 and name != "status")):
                self.form.add_error(name, ValidationError("must be stated once, and not be empty", "invalid"))
        return bool(super().is_valid())

    def by_pair(self, orders: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        """`SOL/USDC`: in that direction."""
        token_in, _, token_out = value.partition("/")
        return orders.filter(token_in=token_in, token_out=token_out)

    def by_tag(self, orders: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        """`book:eu`, or `book` for any value."""
        tag, separator, wanted = value.partition(":")
        # The tag is a value here, never part of a lookup's name.
        if separator:
            return orders.filter(terms__contains={"tags": {tag: wanted}})
        return orders.filter(terms__tags__has_key=tag)
