"""Admin pages of pauses: the scope is chosen, pausing everything asks once more, resuming asks for the reason."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.http import urlencode

from orders.admin.base import Act, actor_of
from orders.engine import get_engine
from orders.models import Account, TradingControl, Wallet
from orders.problems import ProblemError
from orders.risk.pause import SCOPES, Target, find_target, pause, resume

# What is paused, from the narrowest to everything; each but the last names one thing in the field of its name.
SCOPE_WORDS = {
    "account": "one account",
    "wallet": "one wallet",
    "venue": "one venue",
    "chain": "one chain",
    "global": "EVERYTHING, for all accounts",
}


class PauseForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What is paused, and why. Nothing is chosen beforehand, and nothing empty means everything."""

    class Meta:
        """The other fields come to one target."""

        model = TradingControl
        fields = ("reason",)

    scope = forms.ChoiceField(
        choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES], widget=forms.RadioSelect, label="Pause"
    )
    account = forms.ModelChoiceField(Account.objects.order_by("name"), required=False, empty_label="-")
    wallet = forms.ModelChoiceField(Wallet.objects.order_by("address"), required=False, empty_label="-")
    venue = forms.ChoiceField(required=False)
    chain = forms.ChoiceField(required=False)
    is_everything = forms.BooleanField(
        required=False, label="Yes, pause everything", help_text="Needed for that scope alone: asked once more."
    )
    reason = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"size": 80}), help_text="Kept in the audit log."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        engine = get_engine()
        venues = sorted(venue.name for venue in engine.venues)
        self.fields["venue"].choices = [("", "-"), *((name, name) for name in venues)]  # type: ignore[attr-defined]
        chain_id = engine.chain.chain_id
        self.fields["chain"].choices = [("", "-"), (chain_id, chain_id)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Puts what is to be paused under `target`. Raises: ValidationError unless exactly that is named."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        scope = cleaned.get("scope")
        if scope is None:
            return cleaned
        for name in SCOPES:
            if name not in {scope, "global"} and cleaned.get(name):
                self.add_error(name, f"Leave this empty, or choose the scope “{SCOPE_WORDS[name]}”.")
        if scope == "global":
            if not cleaned.get("is_everything"):
                self.add_error("is_everything", "This stops all trading. Tick the box to say that you mean it.")
            cleaned["target"] = Target("global", "")
        elif not cleaned.get(scope):
            self.add_error(scope, f"Name the {scope} to pause.")
        else:
            self._find(cleaned, scope)
        return cleaned

    def _find(self, cleaned: dict[str, Any], scope: str) -> None:
        named = cleaned[scope]
        name = named.address if isinstance(named, Wallet) else str(named)
        try:
            cleaned["target"] = find_target(scope, name, get_engine())
        except ProblemError as error:
            self.add_error(scope, error.problem.detail)


RESUME_EXPLAINED = (
    "What these pauses hold up goes on from here. What the engine paused by itself it judges by what happens from now "
    "on. The reason is kept with your name."
)


@admin.register(TradingControl)
class TradingControlAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Pauses: adding one pauses, resuming asks for the reason."""

    form = PauseForm
    fields = ("scope", "account", "wallet", "venue", "chain", "is_everything", "reason")

    class Media:
        """Choices of one line each."""

        css = {"all": ("orders/admin.css",)}

    list_display = ("scope", "chain_id", "account", "venue", "reason", "actor", "is_by_owner", "at")
    list_select_related = ("account",)
    actions = ("resume_selected",)
    change_form_template = "admin/orders/tradingcontrol/change_form.html"

    def save_model(self, request: HttpRequest, obj: TradingControl, form: Any, change: bool) -> None:
        """Pause what the form names."""
        obj.pk = pause(form.cleaned_data["target"], actor_of(request, obj.reason)).pk

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say what the button does."""
        return super().add_view(request, form_url, {**(extra_context or {}), "title": "Pause trading"})

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


def pause_page(request: HttpRequest, scope: str, row: Account | Wallet | None) -> str:
    """Where this very row is paused, its form filled in; empty for one who may not."""
    if row is None or not request.user.has_perm("orders.add_tradingcontrol"):
        return ""
    return f"{reverse('admin:orders_tradingcontrol_add')}?{urlencode({'scope': scope, scope: str(row.pk)})}"


def _target(row: TradingControl) -> Target:
    name = row.venue or (row.account.name if row.account else row.chain_id)
    return Target(row.scope, name, row.chain_id, row.account_id, row.venue)
