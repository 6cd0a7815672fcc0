"""Admin pages of who may do what: accounts, keys, tokens, pauses, and the audit log."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from rest_framework_api_key.models import APIKey

from orders.admin_base import ReadOnly, ReasonForm, Recorded
from orders.engine import get_engine
from orders.key_format import kind_of
from orders.models import Account, ApiKey, AuditEntry, Token
from orders.scopes import DEFAULT_SCOPES, SCOPES
from orders.services.keys import key_json


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    """Who changed what, by hand or by key."""

    list_display = ("id", "at", "actor", "address", "action", "subject", "reason")
    list_filter = ("action",)
    search_fields = ("subject", "actor")
    show_full_result_count = False


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
    list_display = ("name", "created_at", "open_orders", "max_open_orders", "open_value", "max_open_value")
    readonly_fields = ("is_counted", "open_orders", "max_open_orders", "open_value", "max_open_value", "created_at")

    def facts_of(self, obj: Account) -> Mapping[str, Any]:
        """See `Recorded`."""
        return {"name": obj.name}

    def store(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Never write over what orders count at this moment."""
        obj.save(update_fields=("name",) if change else None)


class ApiKeyForm(ReasonForm):
    """What a key may do; the secret is nobody's to type."""

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
    readonly_fields = ("prefix", "last_used_at", "day", "day_value")

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


# The library's own keys belong to no account and open nothing here.
admin.site.unregister(APIKey)
