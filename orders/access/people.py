"""What an operator decides about people: who may sign in, for which account, in which role. All of it is audited."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from orders.access import second_factor
from orders.audit.record import Actor, Entry, record
from orders.models import Account, Membership
from orders.scopes import ROLES

# Names that the audit log has for others.
RESERVED = {"local", "signer", "engine", "unknown"}


class PeopleProblem(ValueError):
    """What was asked for makes no sense; the message says why."""


def user_of(name: str) -> Any:
    """The user of this name. Raises: PeopleProblem."""
    user = get_user_model()._default_manager.filter(username=name).first()
    if user is None:
        raise PeopleProblem(f"there is no user {name}")
    return user


def refuse_reserved(name: str) -> None:
    """Raises: ValidationError for a name, as it would be stored, that the audit log has for others."""
    if name.casefold() in RESERVED:
        raise ValidationError(f"{name} is a name that the audit log has for others")


def add_user(name: str, password: str, actor: Actor, *, is_staff: bool = False) -> Any:
    """A user who may sign in once there is a role, or, as staff, to the admin. Raises: PeopleProblem."""
    model = get_user_model()
    user: Any = model(username=model.normalize_username(name), is_staff=is_staff)
    try:
        refuse_reserved(user.username)
        validate_password(password, user)
        user.set_password(password)
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise PeopleProblem(" ".join(error.messages)) from None
    with transaction.atomic():
        user.save(force_insert=True)
        record(actor, [Entry("user.create", _subject(user), None, user_json(user))])
    return user


def set_role(user: Any, account: Account, role: str, actor: Actor) -> Membership:
    """Give the user this role for this account, in place of the one before. Raises: PeopleProblem.

    It counts from the user's next request on; open sockets end with their next look at the session.
    """
    if role not in ROLES:
        raise PeopleProblem(f"there is no role {role}; there are {', '.join(ROLES)}")
    with transaction.atomic():
        get_user_model()._default_manager.select_for_update().get(pk=user.pk)
        before = Membership.objects.select_related("account").filter(user=user).first()
        membership, _ = Membership.objects.update_or_create(user=user, defaults={"account": account, "role": role})
        record(actor, [role_entry(before, membership)])
    return membership


def remove_role(user: Any, actor: Actor) -> bool:
    """Take the user's role away; False where there is none."""
    with transaction.atomic():
        before = Membership.objects.select_for_update().select_related("account", "user").filter(user=user).first()
        if before is None:
            return False
        before.delete()
        record(actor, [Entry("user.role", _subject(user), role_json(before), None, before.account_id)])
    return True


def set_active(user: Any, is_active: bool, actor: Actor) -> bool:
    """Let the user sign in or not; sessions of one who may not are worth nothing. False where it is so already."""
    with transaction.atomic():
        rows = get_user_model()._default_manager.filter(pk=user.pk, is_active=not is_active)
        if not rows.update(is_active=is_active):
            return False
        record(actor, [Entry("user.active", _subject(user), not is_active, is_active)])
    return True


def set_password(user: Any, password: str, actor: Actor) -> None:
    """Give the user another password, which ends all sessions of before. Raises: PeopleProblem."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PeopleProblem(" ".join(error.messages)) from None
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=("password",))
        record(actor, [Entry("user.password", _subject(user))])


def reset_two_factor(user: Any, actor: Actor) -> bool:
    """Forget the user's app and backup codes: the next sign-in enrolls. False where there is nothing to forget."""
    return second_factor.reset(user, actor)


def role_entry(before: Membership | None, after: Membership) -> Entry:
    """A role that was given or changed, for the audit log."""
    action = "user.role"
    return Entry(action, _subject(after.user), before and role_json(before), role_json(after), after.account_id)


def user_json(user: Any) -> dict[str, Any]:
    """What a user may sign in to and do in the admin, for the record; never the password nor its hash."""
    return {
        "name": user.get_username(),
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "permissions": _names(user.user_permissions),
    }


def group_json(group: Any) -> dict[str, Any]:
    """What the users of a group may do in the admin, for the record."""
    return {"name": group.name, "permissions": _names(group.permissions)}


def role_json(membership: Membership) -> dict[str, str]:
    """A role, for the record."""
    return {"account": membership.account.name, "role": membership.role}


def _subject(user: Any) -> str:
    return f"user:{user.get_username()}"


def _names(permissions: Any) -> list[str]:
    """As `has_perm` takes them."""
    return sorted(f"{app}.{code}" for app, code in permissions.values_list("content_type__app_label", "codename"))
