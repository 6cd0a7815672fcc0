"""What the admin's list of orders is narrowed by. Choices come from the program, never from a look at all rows."""

from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from orders.admin.large import NEWEST, AmongNewest, among_newest
from orders.engine import get_engine
from orders.models import Order, Token
from orders.models.listed import FAILED
from orders.order_list.wanted import PARTIAL_OUTCOME
from orders.plan import forms_through
from orders.problems import OUTCOMES
from orders.selectors import database_time_s
from orders.states import OrderStatus

FILLED = "filled"
HOUR_S = 3_600
PLACED = {
    "hour": ("in the last hour", HOUR_S),
    "day": ("in the last 24 hours", 24 * HOUR_S),
    "week": ("in the last 7 days", 168 * HOUR_S),
}
# Of a UUIDv7, below its milliseconds.
RANDOM_BITS = 80


class StatusFilter(admin.SimpleListFilter):
    """Where orders stand."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All there are; most orders are CONFIRMED, and only the newest of them are shown."""
        return [
            (word, f"{word}, of the newest {NEWEST:,}" if word is OrderStatus.CONFIRMED else word)
            for word in OrderStatus
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        """By the outcome, as the indexes have it."""
        word = self.value()
        if word is None:
            return queryset
        if word == OrderStatus.FAILED:
            return queryset.filter(FAILED, ~Q(outcome=PARTIAL_OUTCOME))
        if word == OrderStatus.CONFIRMED:
            return among_newest(queryset).filter(outcome__in=(FILLED, PARTIAL_OUTCOME))
        return queryset.filter(status=word, outcome__isnull=True)


class OutcomeFilter(admin.SimpleListFilter):
    """How orders ended."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """How orders can fail; the others are CONFIRMED."""
        return [(word, word.replace("_", " ")) for word in sorted(OUTCOMES - {FILLED})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        """Those that ended so."""
        word = self.value()
        return queryset if word is None else queryset.filter(FAILED, outcome=word)


class PlacedFilter(admin.SimpleListFilter):
    """When orders were placed, by the time in their ids."""

    title = "placed"
    parameter_name = "placed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Up to now."""
        return [(word, title) for word, (title, _) in PLACED.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        """Those since then."""
        word = self.value()
        if word not in PLACED:
            return queryset
        since_s = database_time_s() - PLACED[word][1]
        return queryset.filter(pk__gte=UUID(int=since_s * 1000 << RANDOM_BITS))


class VenueFilter(AmongNewest):
    """Orders whose route goes through a venue."""

    title = "venue"
    parameter_name = "venue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The engine's venues."""
        return [(venue.name, venue.display_name) for venue in get_engine().venues]

    def narrowed(self, queryset: QuerySet[Order], word: str) -> QuerySet[Order]:
        """Those with a hop there."""
        return queryset.filter(reduce(or_, (Q(route__contains=form) for form in forms_through(word))))


class _TokenFilter(AmongNewest):
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that orders may name or could once."""
        return [(symbol, symbol) for symbol in Token.objects.order_by("symbol").values_list("symbol", flat=True)]

    def narrowed(self, queryset: QuerySet[Order], word: str) -> QuerySet[Order]:
        """Those that give it, or get it."""
        return queryset.filter(**{str(self.parameter_name): word})


class TokenInFilter(_TokenFilter):
    """What orders give."""

    title = "token in"
    parameter_name = "token_in"


class TokenOutFilter(_TokenFilter):
    """What orders get."""

    title = "token out"
    parameter_name = "token_out"
