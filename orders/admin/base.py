"""What admin pages have in common: read-only facts, and changes that carry a reason and are recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orders.audit.record import Actor, Entry, record


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Read-only pages: rows are not added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from services alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Facts stay."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Facts stay as they are."""
        return False


class ReasonForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Asks why."""

    why = forms.CharField(max_length=200, label="Reason", help_text="Kept in the audit log.")


class ActForm(forms.Form):
    """Why something is done by hand."""

    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"size": 80}), help_text="Kept in the log.")


@dataclass(frozen=True, slots=True)
class Act:
    """What a page asks a reason for: its words, to what it is done, and where to go back to."""

    title: str
    explanation: str
    button: str
    things: Iterable[Any]
    back: str

    def ask(self, request: HttpRequest, site: admin.AdminSite) -> HttpResponse | Actor:
        """The page that asks for the reason, or who acts, once a reason was given."""
        form = ActForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return actor_of(request, form.cleaned_data["reason"])
        context = {**site.each_context(request), "title": self.title, "act": self, "form": form}
        return render(request, "admin/orders/act.html", context)


class Recorded(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Rows that may be added and changed: each time with a reason, and an entry in the audit log."""

    form = ReasonForm
    kind = ""

    def facts_of(self, obj: Any) -> Mapping[str, Any]:
        """What of a row belongs in the log: no secrets."""
        raise NotImplementedError

    def name_of(self, obj: Any) -> str:
        """The row's name in the log."""
        return str(obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save and record; the admin runs both in one transaction."""
        before = self.facts_of(self.model._default_manager.get(pk=obj.pk)) if change else None
        self.store(request, obj, form, change)
        record(
            actor_of(request, form.cleaned_data.get("why", "")),
            [Entry(f"{self.kind}.{'change' if change else 'create'}", f"{self.kind}:{self.name_of(obj)}", before,
                   self.facts_of(obj), getattr(obj, "account_id", None))],
        )  # fmt: skip

    def store(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write the row."""
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What the log names stays."""
        return False


def actor_of(request: HttpRequest, reason: str) -> Actor:
    """The signed-in person, for the audit log."""
    return Actor(request.user.get_username(), request.META.get("REMOTE_ADDR", ""), reason, is_admin=True)
