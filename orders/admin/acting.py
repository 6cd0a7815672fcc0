"""Pages with acts: each asks for a reason on a page of its own that names it, and is done by a service."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.http import urlencode

from orders.admin.base import Act
from orders.audit.record import Actor

# Rows that one act takes.
MOST = 100


class ActWords(NamedTuple):
    """How an act is named, what the page that asks says of it, and its button."""

    title: str
    explanation: str
    button: str


class Acting(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Rows on which acts are done. Who lacks `act_permission` sees them and cannot act."""

    # By the name of the act, which is that of the action in the list, where there is one.
    acts: Mapping[str, ActWords]
    act_permission: str
    # What names a row in the address of the page that asks.
    id_field = "pk"
    change_form_template = "admin/orders/acting.html"

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether this person may act."""
        return bool(request.user.has_perm(self.act_permission))

    def may_do(self, request: HttpRequest, word: str) -> bool:
        """Whether this person may do that one."""
        return self.has_act_permission(request)

    def offered(self, row: Any) -> Sequence[str]:
        """The acts that mean something for a row."""
        return list(self.acts)

    def get_urls(self) -> list[Any]:
        """One page for each act."""
        view = self.admin_site.admin_view(self.act_view)
        return [path("act/<str:word>/", view, name=self._name("act")), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a row, with a button for each act that is offered."""
        row = self.get_object(request, unquote(object_id))
        words = [word for word in (() if row is None else self.offered(row)) if self.may_do(request, word)]
        ids = [getattr(row, self.id_field, None)]
        offered = [(f"{self.acts[word].button} …", self._ask_at(word, ids)) for word in words]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "offered": offered})

    def asked(self, word: str, queryset: QuerySet[Any]) -> HttpResponse:
        """Ask for the reason first."""
        return HttpResponseRedirect(self._ask_at(word, queryset.values_list(self.id_field, flat=True)[:MOST]))

    def act_view(self, request: HttpRequest, word: str) -> HttpResponse:
        """Ask for a reason, then act on each."""
        if word not in self.acts or not self.may_do(request, word):
            raise PermissionDenied
        rows = self.rows(request.GET.get("ids", "").split(",")[:MOST])
        back = reverse(f"admin:{self._name('changelist')}")
        if len(rows) == 1:
            back = reverse(f"admin:{self._name('change')}", args=[quote(rows[0].pk)])
        title, explanation, button = self.acts[word]
        answer = Act(title, explanation, button, [self.shown(row) for row in rows], back).ask(request, self.admin_site)
        if isinstance(answer, HttpResponse):
            return answer
        done = self.act(word, rows, answer, lambda text: self.message_user(request, text, messages.WARNING))
        if isinstance(done, Secret):
            return self.secret_page(request, done)
        self.message_user(request, f"{done} × done", messages.SUCCESS if done else messages.INFO)
        return HttpResponseRedirect(back)

    def secret_page(self, request: HttpRequest, secret: "Secret") -> HttpResponse:
        """Show a secret this once: in the page itself, never in a message, which would be stored in a cookie."""
        context = {**self.admin_site.each_context(request), "title": secret.title, "secret": secret,
                   "back": reverse(f"admin:{self._name('changelist')}")}  # fmt: skip
        answer = render(request, "admin/orders/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    def rows(self, ids: Sequence[str]) -> list[Any]:
        """Those that are there."""
        raise NotImplementedError

    def shown(self, row: Any) -> str:
        """A row on the page that asks."""
        return str(row)

    def act(self, word: str, rows: Sequence[Any], actor: Actor, tell: Callable[[str], None]) -> "int | Secret":
        """Act on each; how many that changed, or the secret that was made."""
        raise NotImplementedError

    def _ask_at(self, word: str, ids: Sequence[Any] | QuerySet[Any]) -> str:
        address = reverse(f"admin:{self._name('act')}", args=[word])
        return f"{address}?{urlencode({'ids': ','.join(map(str, ids))})}"

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


class Secret(NamedTuple):
    """What is shown once: its text, and what it is for."""

    title: str
    text: str
    explanation: str


def whole_numbers(texts: Sequence[str]) -> list[int]:
    """The ids among what an address says."""
    return [int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) < 19]
