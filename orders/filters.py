"""What the list of orders can be narrowed by."""

import django_filters
from django.db.models import QuerySet

from orders.models import Order
from orders.states import OrderStatus


class OrderFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Query parameters of GET /orders; an unknown value is refused, not ignored."""

    status = django_filters.MultipleChoiceFilter(choices=[(status.value, status.value) for status in OrderStatus])
    outcome = django_filters.CharFilter(max_length=32)
    type = django_filters.CharFilter(field_name="order_type", max_length=32)
    pair = django_filters.CharFilter(method="by_pair", max_length=65)
    tag = django_filters.CharFilter(method="by_tag", max_length=130)
    client_order_id = django_filters.CharFilter(max_length=64)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields: list[str] = []

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
