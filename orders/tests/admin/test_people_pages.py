"""Users and roles in the admin: for superusers alone, each change with its reason, and nothing that shows a secret."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from orders.access.people import PeopleProblem, add_user
from orders.audit.record import Actor
from orders.models import Account, AuditEntry, Membership
from orders.tests.factories import new_account
from orders.tests.people import PASSWORD, browser_of, enroll, new_person

pytestmark = pytest.mark.django_db(transaction=True)

ROLES, USERS, GROUPS = "/admin/orders/membership/", "/admin/auth/user/", "/admin/auth/group/"


def acts() -> list[tuple[Any, ...]]:
    rows = AuditEntry.objects.exclude(action="transaction.sign").order_by("id")
    return [(row.actor, row.action, row.subject, row.reason, row.before, row.after) for row in rows]


def facts(name: str, **others: Any) -> dict[str, Any]:
    plain = {"is_active": True, "is_staff": False, "is_superuser": False, "groups": [], "permissions": []}
    return {"name": name, **plain, **others}


def test_a_role_is_given_changed_and_taken_away_with_a_reason(admin_client: Client, account: Account) -> None:
    user, other = new_person(None, name="alice"), new_account()
    body = {"user": str(user.pk), "account": str(account.pk), "role": "trading"}
    assert admin_client.post(f"{ROLES}add/", body | {"why": ""}).status_code == 200
    assert not Membership.objects.exists()

    assert admin_client.post(f"{ROLES}add/", body | {"why": "new desk"}).status_code == 302
    row = Membership.objects.get()
    change = {"account": str(other.pk), "role": "operator", "why": "more"}
    assert admin_client.post(f"{ROLES}{row.pk}/change/", change).status_code == 302
    row.refresh_from_db()
    assert (row.user, row.account, row.role) == (user, other, "operator")
    chosen = {"action": "remove_selected", "_selected_action": [str(row.pk)]}
    page = admin_client.post(ROLES, chosen)["Location"]
    assert admin_client.post(page, {"reason": ""}).status_code == 200
    assert Membership.objects.exists()
    assert admin_client.post(page, {"reason": "left"}).status_code == 302

    assert not Membership.objects.exists()
    old, new = {"account": account.name, "role": "trading"}, {"account": other.name, "role": "operator"}
    assert acts() == [
        ("admin", "user.role", "user:alice", "new desk", None, old),
        ("admin", "user.role", "user:alice", "more", old, new),
        ("admin", "user.role", "user:alice", "left", new, None),
    ]


def test_two_factor_is_reset_with_a_reason(admin_client: Client, account: Account) -> None:
    user = new_person(account, name="alice")
    enroll(user)
    client = browser_of(user)
    chosen = {"action": "reset_selected", "_selected_action": [str(user.pk)]}
    page = admin_client.post(USERS, chosen)["Location"]

    assert admin_client.post(page, {"reason": ""}).status_code == 200
    assert client.get("/api/v1/me").status_code == 200
    assert admin_client.post(page, {"reason": "lost phone"}).status_code == 302

    assert not TOTPDevice.objects.filter(user=user).exists()
    assert client.get("/api/v1/me").status_code == 401
    assert acts() == [("admin", "user.two_factor_reset", "user:alice", "lost phone", None, None)]


def test_a_user_is_changed_with_a_reason_and_not_deleted(admin_client: Client, account: Account) -> None:
    user = new_person(account, name="alice")
    form = {"username": "alice", "date_joined_0": "2026-11-30", "date_joined_1": "12:00:00"}
    address = f"{USERS}{user.pk}/change/"
    assert admin_client.post(address, form).status_code == 200, "without a reason"

    assert admin_client.post(address, form | {"why": "left"}).status_code == 302
    changed = admin_client.post(
        f"{USERS}{user.pk}/password/", {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    )

    assert (changed.status_code, admin_client.post(f"{USERS}{user.pk}/delete/").status_code) == (302, 403)
    user.refresh_from_db()
    assert (user.is_active, user.check_password(PASSWORD)) == (False, True)
    was, now = (facts("alice", is_active=active) for active in (True, False))
    assert acts() == [
        ("admin", "user.change", "user:alice", "left", was, now),
        ("admin", "user.password", "user:alice", "", None, None),
    ]


def test_who_is_no_superuser_sees_neither_users_nor_roles_with_any_permission(account: Account) -> None:
    helper = new_person(None, is_staff=True)
    helper.user_permissions.set(Permission.objects.all())
    client = browser_of(helper)
    row = Membership.objects.get_or_create(user=new_person(None), account=account, role="trading")[0]

    for path in (
        ROLES,
        f"{ROLES}add/",
        f"{ROLES}{row.pk}/change/",
        USERS,
        f"{USERS}add/",
        f"{USERS}{helper.pk}/change/",
    ):
        assert client.get(path).status_code == 403, path
    for path in (f"{USERS}reset-two-factor/?ids={row.user_id}", f"{ROLES}remove/?ids={row.pk}"):
        assert client.post(path, {"reason": "x"}).status_code == 403, path
    group = Group.objects.create(name="help")
    for path in (GROUPS, f"{GROUPS}add/", f"{GROUPS}{group.pk}/change/"):
        assert client.get(path).status_code == 403, path
    assert client.post(f"{USERS}{helper.pk}/password/", {"password1": PASSWORD}).status_code == 403
    assert Membership.objects.filter(pk=row.pk).exists()


def test_what_a_group_may_do_is_recorded_with_its_reason(admin_client: Client) -> None:
    may = Permission.objects.get(codename="change_webhook")
    body = {"name": "help", "permissions": []}
    assert admin_client.post(f"{GROUPS}add/", body | {"why": ""}).status_code == 200

    assert admin_client.post(f"{GROUPS}add/", body | {"why": "desk"}).status_code == 302
    change = f"{GROUPS}{Group.objects.get().pk}/change/"
    assert admin_client.post(change, body | {"permissions": [str(may.pk)], "why": "more"}).status_code == 302

    none: dict[str, Any] = {"name": "help", "permissions": []}
    one = none | {"permissions": ["orders.change_webhook"]}
    assert acts() == [
        ("admin", "group.create", "group:help", "desk", None, none),
        ("admin", "group.change", "group:help", "more", none, one),
    ]


@pytest.mark.parametrize("name", ["local", "Signer", "ｅngine", "unknown"])
def test_no_user_has_a_name_that_the_log_has_for_others(admin_client: Client, name: str) -> None:
    user = new_person(None, name="alice")
    body = {"username": name, "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD, "why": "x"}

    pages = [admin_client.post(path, body) for path in (f"{USERS}add/", f"{USERS}{user.pk}/change/")]
    with pytest.raises(PeopleProblem, match="has for others"):
        add_user(name, PASSWORD, Actor("command"))

    assert ["has for others" in page.content.decode() for page in pages] == [True, True]
    assert set(get_user_model().objects.values_list("username", flat=True)) == {"admin", "alice"}


def test_devices_have_no_pages_and_no_page_shows_their_secrets(admin_client: Client, account: Account) -> None:
    device = enroll(new_person(account))

    for path in ("/admin/otp_totp/totpdevice/", "/admin/otp_static/staticdevice/"):
        assert admin_client.get(path).status_code == 404
    for path in (USERS, f"{USERS}{device.user_id}/change/", ROLES, "/admin/orders/auditentry/"):
        assert device.key not in admin_client.get(path).content.decode()
    assert get_user_model().objects.count() == 2


def test_permissions_groups_and_names_that_are_given_stand_in_the_record(admin_client: Client) -> None:
    user = new_person(None, name="alice")
    may_pause = Permission.objects.get(codename="change_tradingcontrol")
    group = {"name": "desk", "permissions": [str(may_pause.pk)]}
    assert admin_client.post(f"{GROUPS}add/", group).status_code == 200, "without a reason"
    assert admin_client.post(f"{GROUPS}add/", group | {"why": "for helpers"}).status_code == 302
    desk = Group.objects.get()
    form: dict[str, Any] = {
        "username": "alicia",
        "is_active": "on",
        "date_joined_0": "2026-11-30",
        "date_joined_1": "12:00:00",
    }
    form |= {"groups": [str(desk.pk)], "user_permissions": [str(may_pause.pk)], "why": "helps"}

    assert admin_client.post(f"{USERS}{user.pk}/change/", form).status_code == 302
    assert admin_client.post(f"{GROUPS}{desk.pk}/change/", {"name": "desk", "why": "less"}).status_code == 302

    named = ["orders.change_tradingcontrol"]
    assert acts() == [
        ("admin", "group.create", "group:desk", "for helpers", None, {"name": "desk", "permissions": named}),
        ("admin", "user.change", "user:alice", "helps", facts("alice"),
         facts("alicia", groups=["desk"], permissions=named)),
        ("admin", "group.change", "group:desk", "less", {"name": "desk", "permissions": named},
         {"name": "desk", "permissions": []}),
    ]  # fmt: skip
