"""Admin pages of who may do what: accounts, keys, tokens, pauses, and the audit log."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework_api_key.models import APIKey

from orders.access.keys import key_json
from orders.admin.base import ReasonForm, Recorded
from orders.admin.large import MOST_FOUND, LargeTable, among_newest, order_ids
from orders.audit.words import acts_done
from orders.engine import get_engine
from orders.models import Account, ApiKey, AuditEntry, Token
from orders.models.audit import SIGNATURE
from orders.models.key_format import kind_of
from orders.scopes import DEFAULT_SCOPES, SCOPES
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
        return _fees_of(account)

    def facts_of(self, obj: Account) -> Mapping[str, Any]:
        """See `Recorded`."""
        return {"name": obj.name}

    def store(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Never write over what orders count at this moment."""
        obj.save(update_fields=("name",) if change else None)


class ApiKeyForm(ReasonForm):
    """What a key may do; the secret is generated, never typed."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], initial=DEFAULT_SCOPES, widget=forms.CheckboxSelectMultiple
    )

    def clean_ip_ranges(self) -> list[str]:
        """Networks in the usual notation."""
        ranges: list[str] = self.cleaned_data["ip_ranges"] or []
        for text in ranges:
            try:
                ip_network(text)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        return ranges


@admin.register(ApiKey)
class ApiKeyAdmin(Recorded):
    """Keys: the secret is shown once, when one is made."""

    form = ApiKeyForm
    kind = "key"
    list_display = ("prefix", "account", "name", "scopes", "is_dry_run_only", "last_used_at", "expiry_date", "revoked")
    list_select_related = ("account",)
    list_filter = ("revoked", "is_dry_run_only")
    search_fields = ("prefix", "name")
    exclude = ("hashed_key",)
    readonly_fields = ("prefix", "last_used_at", "value_of_the_day", "fees_of_the_day")

    @admin.display(description="value of a day's orders")
    def value_of_the_day(self, key: ApiKey) -> str:
        """Of the last day that has any, in units of value."""
        return of_most(int(key.day_value), key.max_day_value) + (f" on {key.day}" if key.day else "")

    @admin.display(description="network fees of a day")
    def fees_of_the_day(self, key: ApiKey) -> str:
        """Of the last day that has any, in units of value."""
        return _fees_of(key)

    def facts_of(self, obj: ApiKey) -> Mapping[str, Any]:
        """See `Recorded`."""
        return key_json(obj)

    def name_of(self, obj: ApiKey) -> str:
        """The part of the key that is no secret."""
        return obj.prefix

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """A key stays with its account; a revoked one stays revoked."""
        fixed = () if obj is None else ("account", "revoked") if obj.revoked else ("account",)
        return (*self.readonly_fields, *fixed)

    def store(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the secret of a new key and show it."""
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name != "why"])
            return
        text = ApiKey.objects.assign_key(obj, kind_of(get_engine().chain.chain_id))
        obj.save(force_insert=True)
        self.message_user(request, f"The key is {text} - keep it, it is not shown again.", messages.WARNING)


def _fees_of(row: Account | ApiKey) -> str:
    return of_most(int(row.day_fees), row.max_day_fees) + (f" on {row.fee_day}" if row.fee_day else "")


# The library's own keys belong to no account and open nothing here.
admin.site.unregister(APIKey)
