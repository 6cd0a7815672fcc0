"""Admin pages of accounts and tokens."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from orders.admin.base import Recorded
from orders.admin.cells import fees_of
from orders.admin.pauses import pause_page
from orders.models import Account, Token
from orders.values import of_most


@admin.register(Token)
class TokenAdmin(Recorded):
    """Tokens can be added and disabled, not deleted: old routes name them."""

    kind = "token"
    list_display = ("symbol", "name", "decimals", "is_enabled", "value")
    search_fields = ("symbol", "name")

    def facts_of(self, obj: Token) -> Mapping[str, Any]:
        """See `Recorded`."""
        value = None if obj.value is None else str(obj.value)
        return {"name": obj.name, "decimals": obj.decimals, "is_enabled": obj.is_enabled, "value": value}

    def get_readonly_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        """Stored amounts depend on the decimals."""
        return ("symbol", "decimals") if obj else ()


@admin.register(Account)
class AccountAdmin(Recorded):
    """Owners. Their limits are set by `manage.py limits`."""

    kind = "account"
    list_display = ("name", "created_at", "orders_open", "value_open", "fees_of_the_day")
    readonly_fields = ("is_counted", "orders_open", "value_open", "fees_of_the_day", "created_at")

    change_form_template = "admin/orders/pausable.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer the way to the page that pauses it."""
        page = pause_page(request, "account", self.get_object(request, object_id))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "pause_page": page})

    @admin.display(description="open orders", ordering="open_orders")
    def orders_open(self, account: Account) -> str:
        """How many, and how many may be."""
        return f"{account.open_orders} of {'any' if account.max_open_orders is None else account.max_open_orders}"

    @admin.display(description="value of open orders", ordering="open_value")
    def value_open(self, account: Account) -> str:
        """In units of value."""
        return of_most(int(account.open_value), account.max_open_value)

    @admin.display(description="network fees of a day", ordering="day_fees")
    def fees_of_the_day(self, account: Account) -> str:
        """Of the last day that has any, in units of value."""
        return fees_of(account)

    def facts_of(self, obj: Account) -> Mapping[str, Any]:
        """See `Recorded`."""
        return {"name": obj.name}

    def store(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Never write over what orders count at this moment."""
        obj.save(update_fields=("name",) if change else None)
