"""Admin pages of people: users, and their roles. For superusers alone: who gives roles away has all of them."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from orders.access.people import group_json, refuse_reserved, remove_role, reset_two_factor, set_role, user_json
from orders.access.second_factor import is_enrolled
from orders.admin.base import Act, ReasonForm, actor_of
from orders.audit.record import Entry, record
from orders.models import Membership

RESET = (
    "Their authenticator apps and backup codes are forgotten. Sessions that were verified with them end, and the next "
    "sign-in of each enrolls a new app."
)
REMOVE = "From their next request on these users see nothing of the account."
WHY: Any = ("Why", {"fields": ("why",)})


class OfSuperusers(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Rows that only superusers see and change, and that stay: the log names them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """See the class."""
        return self._is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See the class."""
        return self._is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """See the class."""
        return self._is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See the class."""
        return self._is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deactivate a user, and take a role away, with a reason."""
        return False

    def acted(self, request: HttpRequest, queryset: QuerySet[Any], act: Act, do: Any, done: str) -> HttpResponse:
        """Ask for the reason, then do it to each."""
        if not self._is_superuser(request):
            raise PermissionDenied
        answer = act.ask(request, self.admin_site)
        if isinstance(answer, HttpResponse):
            return answer
        count = sum(do(row, answer) for row in queryset)
        self.message_user(request, f"{count} × {done}", messages.SUCCESS if count else messages.INFO)
        return HttpResponseRedirect(act.back)

    def to_act(self, name: str, queryset: QuerySet[Any]) -> HttpResponse:
        """The page that asks for the reason, for the rows that are ticked."""
        ids = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
        return HttpResponseRedirect(f"{reverse(f'admin:{name}')}?ids={ids}")

    @staticmethod
    def _is_superuser(request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


def _own_name(form: Any) -> str:
    name: str = form.cleaned_data["username"]
    refuse_reserved(name)
    return name


class UserForm(UserChangeForm):  # type: ignore[type-arg]  # not generic at run time
    """With the reason."""

    why = forms.CharField(max_length=200, label="Reason", help_text="Kept in the audit log.")

    def clean_username(self) -> str:
        """Raises: ValidationError for a name of others."""
        return _own_name(self)


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]  # not generic at run time
    """With the reason."""

    why = forms.CharField(max_length=200, label="Reason", help_text="Kept in the audit log.")

    def clean_username(self) -> str:
        """As Django does. Raises: ValidationError, also for a name of others."""
        super().clean_username()
        return _own_name(self)


class WithPermissions(OfSuperusers):
    """Rows whose groups and permissions are stored behind them: recorded once all of it is, in the same transaction."""

    kind: ClassVar[str]

    def facts_of(self, row: Any) -> dict[str, Any]:
        """What the record says of a row."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and keep what was."""
        form.was = self.facts_of(self.model._default_manager.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save and record. A row that is renamed is known by its old name."""
        super().save_related(request, form, formsets, change)
        # Read again: the row of the form may hold what its relations were.
        now = self.facts_of(self.model._default_manager.get(pk=form.instance.pk))
        action, name = f"{self.kind}.{'change' if change else 'create'}", (form.was or now)["name"]
        record(
            actor_of(request, form.cleaned_data.get("why", "")), [Entry(action, f"{self.kind}:{name}", form.was, now)]
        )


class PersonAdmin(WithPermissions, UserAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Users: who may sign in at all, and to the admin."""

    kind = "user"
    form, add_form = UserForm, NewUserForm
    fieldsets = (*(UserAdmin.fieldsets or ()), WHY)
    add_fieldsets = (*UserAdmin.add_fieldsets, WHY)
    list_display = ("username", "is_active", "is_staff", "has_two_factor", "last_login")
    actions = ("reset_selected",)

    def facts_of(self, row: User) -> dict[str, Any]:
        """What the user may sign in to and do."""
        return user_json(row)

    @admin.display(description="two-factor", boolean=True)
    def has_two_factor(self, user: User) -> bool:
        """Whether the user has enrolled an app."""
        return is_enrolled(user)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Record that it was changed."""
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            if request.method == "POST" and isinstance(answer, HttpResponseRedirect):
                user = User.objects.get(pk=id)
                record(actor_of(request, ""), [Entry("user.password", f"user:{user.username}")])
        return answer

    def get_urls(self) -> list[Any]:
        """The page that asks for the reason."""
        view = self.admin_site.admin_view(self.reset_view)
        return [path("reset-two-factor/", view, name="auth_user_reset"), *super().get_urls()]

    @admin.action(description="Reset two-factor sign-in of selected users", permissions=("change",))
    def reset_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        """Ask for the reason first."""
        return self.to_act("auth_user_reset", queryset)

    def reset_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason, then forget their devices."""
        users = User.objects.filter(pk__in=_asked(request))
        act = Act("Reset two-factor sign-in", RESET, "Reset", users, reverse("admin:auth_user_changelist"))
        return self.acted(request, users, act, reset_two_factor, "reset")


admin.site.unregister(User)
admin.site.register(User, PersonAdmin)


class PermissionsAdmin(WithPermissions, GroupAdmin):
    """Groups of permissions: who may change one could give all of them to its own."""

    kind, form = "group", ReasonForm

    def facts_of(self, row: Group) -> dict[str, Any]:
        """What its users may do."""
        return group_json(row)


admin.site.unregister(Group)
admin.site.register(Group, PermissionsAdmin)


@admin.register(Membership)
class MembershipAdmin(OfSuperusers):
    """Roles: what a user may do for which account."""

    form = ReasonForm
    fields = ("user", "account", "role", "why")
    list_display = ("user", "account", "role", "created_at")
    list_select_related = ("user", "account")
    list_filter = ("role",)
    search_fields = ("user__username", "account__name")
    actions = ("remove_selected",)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """A role stays with its user."""
        return ("user",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Give the role, which is recorded."""
        actor = actor_of(request, form.cleaned_data["why"])
        obj.pk = set_role(obj.user, obj.account, obj.role, actor).pk

    def get_urls(self) -> list[Any]:
        """The page that asks for the reason."""
        view = self.admin_site.admin_view(self.remove_view)
        return [path("remove/", view, name="orders_membership_remove"), *super().get_urls()]

    @admin.action(description="Take selected roles away", permissions=("change",))
    def remove_selected(self, request: HttpRequest, queryset: QuerySet[Membership]) -> HttpResponse:
        """Ask for the reason first."""
        return self.to_act("orders_membership_remove", queryset)

    def remove_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason, then take them away."""
        rows = Membership.objects.filter(pk__in=_asked(request)).select_related("user", "account")
        back = reverse("admin:orders_membership_changelist")
        act = Act("Take roles away", REMOVE, "Take away", rows, back)
        return self.acted(request, rows, act, lambda row, actor: remove_role(row.user, actor), "taken away")


def _asked(request: HttpRequest) -> list[int]:
    return [int(text) for text in request.GET.get("ids", "").split(",") if text.isdecimal() and len(text) < 10]
