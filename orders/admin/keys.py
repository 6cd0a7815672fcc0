"""The admin's pages of API keys: made, changed, rotated and revoked, each with a reason. A secret is shown once."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework_api_key.models import APIKey

from orders import selectors
from orders.access.keys import DEFAULT_OVERLAP_H, key_json, revoke_key, rotate_key
from orders.admin.acting import Acting, ActWords, Secret
from orders.admin.base import ReasonForm, Recorded
from orders.admin.cells import fees_of
from orders.audit.record import Actor
from orders.engine import get_engine
from orders.models import ApiKey
from orders.models.key_format import kind_of
from orders.scalars import ScalarError
from orders.scopes import DEFAULT_SCOPES, SCOPES
from orders.values import of_most, parse_value, shown

REVOKE = (
    "From the moment this is done the key opens nothing, and sockets that it has opened end. It cannot be undone. "
    "Webhooks of its account go on, also those that it has made: look at them."
)
ROTATE = (
    "A new key that may do the same is made and shown once. The old one goes on for "
    f"{DEFAULT_OVERLAP_H} hours, or until its own expiry: revoke it when nothing uses it any more. Each counts the "
    "limits of a day by itself."
)
USE = "Use it as: Authorization: Bearer KEY"


class ValueField(forms.CharField):
    """A value in reference units, stored in micro-units; empty: no limit."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Stored ones in units, what was typed as it was."""
        return value if value is None or isinstance(value, str) else shown(int(value))

    def clean(self, value: Any) -> int | None:
        """In micro-units. Raises: ValidationError."""
        text = super().clean(value)
        try:
            return parse_value(text) if text else None
        except ScalarError as error:
            raise forms.ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """By what it says, not by how."""
        try:
            return bool(self.clean(data) != initial)
        except forms.ValidationError:
            return True


class ApiKeyForm(ReasonForm):
    """What a key may do; the secret is generated, never typed."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], initial=DEFAULT_SCOPES, widget=forms.CheckboxSelectMultiple
    )
    max_order_value = ValueField(help_text="Most value of one order, in units of value; empty: any.")
    max_day_value = ValueField(help_text="Most value of a UTC day's orders, in units of value; empty: any.")
    max_day_fees = ValueField(help_text="Most value of network fees of a UTC day's orders; empty: any; 0: no order.")

    def clean_ip_ranges(self) -> list[str]:
        """Networks in the usual notation."""
        ranges: list[str] = self.cleaned_data["ip_ranges"] or []
        for text in ranges:
            try:
                ip_network(text)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        return ranges

    def clean_venues(self) -> list[str]:
        """Venues of this engine."""
        return self._known("venues", {venue.name for venue in get_engine().venues})

    def clean_tokens(self) -> list[str]:
        """Registered tokens."""
        return self._known("tokens", set(selectors.tokens()))

    def _known(self, name: str, known: set[str]) -> list[str]:
        stated: list[str] = self.cleaned_data[name] or []
        if unknown := set(stated) - known - set(getattr(self.instance, name) or []):
            raise forms.ValidationError(f"There is no {min(unknown)}; there are {', '.join(sorted(known))}.")
        return stated


@admin.register(ApiKey)
class ApiKeyAdmin(Acting, Recorded):
    """Keys: the secret is shown once, when one is made."""

    form = ApiKeyForm
    kind = "key"
    list_display = ("prefix", "account", "name", "scopes", "is_dry_run_only", "last_used_at", "expiry_date", "revoked")
    list_select_related = ("account",)
    list_filter = ("revoked", "is_dry_run_only")
    search_fields = ("prefix", "name", "account__name")
    search_help_text = "prefix, name or account"
    readonly_fields = ("prefix", "last_used_at", "value_of_the_day", "fees_of_the_day")
    actions = ("revoke",)
    act_permission = "orders.change_apikey"
    id_field = "prefix"
    acts = {
        "revoke": ActWords("Revoke API keys", REVOKE, "Revoke"),
        "rotate": ActWords("Rotate an API key", ROTATE, "Rotate"),
    }

    @admin.display(description="value of a day's orders")
    def value_of_the_day(self, key: ApiKey) -> str:
        """Of the last day that has any, in units of value."""
        return of_most(int(key.day_value), key.max_day_value) + (f" on {key.day}" if key.day else "")

    @admin.display(description="network fees of a day")
    def fees_of_the_day(self, key: ApiKey) -> str:
        """Of the last day that has any, in units of value."""
        return fees_of(key)

    def facts_of(self, obj: ApiKey) -> Mapping[str, Any]:
        """See `Recorded`."""
        return key_json(obj)

    def name_of(self, obj: ApiKey) -> str:
        """The part of the key that is no secret."""
        return obj.prefix

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """A key stays with its account."""
        return () if obj is None else (*self.readonly_fields, "account", "revoked")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Whose, then what it may do, then why. Revoking is an act; the page says whether it is done."""
        stated = (
            *("account", "name", "scopes", "expiry_date", "max_order_value", "max_day_value", "max_day_fees"),
            *("venues", "tokens", "ip_ranges", "is_dry_run_only", "rate_per_minute", "why"),
        )
        return stated if obj is None else (*self.readonly_fields, "revoked", *stated)

    def store(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the secret of a new key, which `response_add` shows."""
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name != "why"])
            return
        obj.__dict__["_text"] = ApiKey.objects.assign_key(obj, kind_of(get_engine().chain.chain_id))
        obj.save(force_insert=True)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The key, this once."""
        return self.secret_page(request, Secret(f"Key {obj.prefix} of {obj.account}", obj.__dict__["_text"], USE))

    @admin.action(description="Revoke selected API keys", permissions=("act",))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse:
        """Asks for the reason."""
        return self.asked("revoke", queryset)

    def may_do(self, request: HttpRequest, word: str) -> bool:
        """Rotating shows a new key: it is for who may make one."""
        return super().may_do(request, word) and (word != "rotate" or self.has_add_permission(request))

    def offered(self, row: ApiKey) -> Sequence[str]:
        """See `Acting`."""
        return () if row.revoked else ("revoke",) if row.has_expired else ("rotate", "revoke")

    def rows(self, ids: Sequence[str]) -> list[ApiKey]:
        """See `Acting`."""
        return list(ApiKey.objects.filter(prefix__in=ids).select_related("account"))

    def shown(self, row: ApiKey) -> str:
        """See `Acting`."""
        return f"{row.prefix} of {row.account}: {row.name}{', revoked' if row.revoked else ''}"

    def act(self, word: str, rows: Sequence[ApiKey], actor: Actor, tell: Callable[[str], None]) -> int | Secret:
        """See `Acting`."""
        if word == "revoke":
            return sum(revoke_key(row.prefix, actor=actor) for row in rows)
        if len(rows) != 1:
            tell("One key is rotated at a time.")
            return 0
        made = rotate_key(
            rows[0].prefix, overlap_h=DEFAULT_OVERLAP_H, chain_id=get_engine().chain.chain_id, actor=actor
        )
        if made is None:
            tell(f"Key {rows[0].prefix} is revoked or has expired.")
            return 0
        return Secret(f"Key {made[0].prefix} of {made[0].account}", made[1], USE)


# The library's own keys belong to no account and open nothing here.
admin.site.unregister(APIKey)
