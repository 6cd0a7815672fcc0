"""Admin pages of accounts, tokens, and the audit log."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.admin.base import Recorded
from orders.admin.cells import fees_of
from orders.admin.large import MOST_FOUND, LargeTable, among_newest, order_ids
from orders.audit.words import acts_done
from orders.models import Account, AuditEntry, Token
from orders.models.audit import SIGNATURE
from orders.values import of_most


class ActionFilter(admin.SimpleListFilter):
    """What was done."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those in the log, each found by a look into the index, and signatures."""
        return [(word, word) for word in [*acts_done(), SIGNATURE]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Signatures are nearly all there is: of them the newest are shown."""
        word = self.value()
        if word is None:
            return queryset
        if word == SIGNATURE:
            return among_newest(queryset).filter(action=word)
        return queryset.exclude(action=SIGNATURE).filter(action=word)


@admin.register(AuditEntry)
class AuditEntryAdmin(LargeTable):
    """Who changed what, by hand or by key; what was signed stands among it, by batch."""

    list_display = ("id", "at", "actor", "address", "action", "subject", "reason")
    list_filter = (ActionFilter,)
    sortable_by = ("id",)
    search_fields = ("subject", "actor")
    search_help_text = "who (name or key), or to what: order:ID, account:NAME, wallet:ADDRESS, chain:ID"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """The whole of either, of all but signatures; an order's id is its subject too."""
        term = search_term.strip()
        if not term:
            return queryset, False
        acts = AuditEntry.objects.exclude(action=SIGNATURE).order_by("-id").values_list("pk", flat=True)
        wanted = [term, *(f"order:{order_id}" for order_id in order_ids(term))]
        found = [pk for subject in wanted for pk in acts.filter(subject=subject)[:MOST_FOUND]]
        return queryset.filter(pk__in=[*found, *acts.filter(actor=term)[:MOST_FOUND]]), False


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
