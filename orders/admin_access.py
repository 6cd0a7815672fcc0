"""Admin pages of who may do what: accounts, keys, tokens, pauses, and the audit log."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from rest_framework_api_key.models import APIKey

from orders.admin_base import Act, ReadOnly, ReasonForm, Recorded, actor_of
from orders.engine import get_engine
from orders.key_format import kind_of
from orders.models import Account, ApiKey, AuditEntry, Token, TradingControl
from orders.problems import ProblemError
from orders.scopes import DEFAULT_SCOPES, SCOPES
from orders.services.keys import key_json
from orders.services.pause import Target, find_target, pause, resume


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


class ControlForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Which pause, and why."""

    class Meta:
        """Everything that names a pause."""

        model = TradingControl
        fields = ("chain_id", "account", "venue", "reason")

    reason = forms.CharField(max_length=200, help_text="Kept in the audit log.")

    def clean_venue(self) -> str:
        """One of the engine's."""
        venue: str = self.cleaned_data["venue"]
        if venue:
            try:
                find_target("venue", venue, get_engine())
            except ProblemError as error:
                raise forms.ValidationError(error.problem.detail) from None
        return venue


RESUME_EXPLAINED = (
    "What these pauses hold up goes on from here. What the engine paused by itself it judges by what happens from now "
    "on. The reason is kept with your name."
)


@admin.register(TradingControl)
class TradingControlAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Pauses: adding one pauses, resuming asks for the reason. Leave everything empty to pause all trading."""

    form = ControlForm
    list_display = ("scope", "chain_id", "account", "venue", "reason", "actor", "is_by_owner", "at")
    list_select_related = ("account",)
    actions = ("resume_selected",)
    change_form_template = "admin/orders/tradingcontrol/change_form.html"

    def save_model(self, request: HttpRequest, obj: TradingControl, form: Any, change: bool) -> None:
        """Pause what the form names."""
        actor = actor_of(request, obj.reason)
        obj.pk = pause(_target(obj), actor).pk

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting would say no reason."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A pause is in force or it is not."""
        return False

    def has_resume_permission(self, request: HttpRequest) -> bool:
        """Who may take the row away may resume."""
        return bool(request.user.has_perm("orders.delete_tradingcontrol"))

    def get_urls(self) -> list[Any]:
        """The page that asks for the reason."""
        view = self.admin_site.admin_view(self.resume_view)
        return [path("resume/", view, name="orders_tradingcontrol_resume"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer the button to who may use it."""
        offered = {"can_resume": self.has_resume_permission(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **offered})

    @admin.action(description="Resume selected pauses", permissions=("resume",))
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[TradingControl]) -> HttpResponse:
        """Ask for the reason first."""
        ids = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
        return HttpResponseRedirect(f"{reverse('admin:orders_tradingcontrol_resume')}?ids={ids}")

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason, then resume each."""
        if not self.has_resume_permission(request):
            raise PermissionDenied
        ids = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdecimal() and len(text) < 19]
        rows = list(TradingControl.objects.filter(pk__in=ids).select_related("account"))
        back = reverse("admin:orders_tradingcontrol_changelist")
        things = [f"{row} {_target(row).name}: {row.reason} ({row.actor})" for row in rows]
        answer = Act("Resume", RESUME_EXPLAINED, "Resume", things, back).ask(request, self.admin_site)
        if isinstance(answer, HttpResponse):
            return answer
        count = sum(resume(_target(row), answer, only=row.pk) for row in rows)
        self.message_user(request, f"{count} × resumed", messages.SUCCESS if count else messages.INFO)
        return HttpResponseRedirect(back)


def _target(row: TradingControl) -> Target:
    name = row.venue or (row.account.name if row.account else row.chain_id)
    return Target(row.scope, name, row.chain_id, row.account_id, row.venue)


# The library's own keys belong to no account and open nothing here.
admin.site.unregister(APIKey)
