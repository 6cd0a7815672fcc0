"""The forms that people sign in with. Each counts a try before it looks at what was typed."""

import logging
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from orders.access.second_factor import verify_code, wait_s
from orders.audit.record import Actor, Entry, record
from orders.models import Membership
from orders.web.tries import Tries

logger = logging.getLogger(__name__)

MAX_CODE = 40


def address_of(request: HttpRequest) -> str:
    """Where a request comes from."""
    return str(request.META.get("REMOTE_ADDR", ""))


def counted(request: HttpRequest, name: str, user: Any = None) -> Tries:
    """One more try for a name. Raises: ValidationError where it is one too many.

    `user` is who is known to have that name: else what was typed may be a password in the wrong field, and is not kept.
    """
    address = address_of(request)
    tries = Tries(name, address)
    if not tries.are_too_many():
        return tries
    logger.warning("too many tries to sign in, this one from %s", address)
    if tries.is_first_too_many and user is not None:
        subject = f"user:{user.get_username()}"
        record(Actor("unknown", address, tries.refusal), [Entry("user.sign_in_blocked", subject)])
    raise ValidationError(tries.refusal, code="too_many_tries")


class PasswordForm(AuthenticationForm):
    """Name and password."""

    tries: Tries

    def clean(self) -> dict[str, Any]:
        """Raises: ValidationError, the same for a wrong name, a wrong password and a user who is not active."""
        name = self.cleaned_data.get("username")
        if name is None or "password" not in self.cleaned_data:
            return super().clean()
        assert self.request is not None
        known = get_user_model()._default_manager.filter(username=name).first()
        self.tries = counted(self.request, name, known)
        cleaned: dict[str, Any] = super().clean()
        return cleaned

    def confirm_login_allowed(self, user: Any) -> None:
        """Only who knows the password learns that there is nothing here for the user. Raises: ValidationError."""
        super().confirm_login_allowed(user)
        if not user.is_staff and not Membership.objects.filter(user=user).exists():
            raise ValidationError("You have no role here yet: ask your operator for one.", code="no_role")


class CodeForm(forms.Form):
    """A one-time code of the user's app, or a backup code."""

    code = forms.CharField(
        max_length=MAX_CODE,
        label="Code",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    device: Any = None
    tries: Tries
    wrong = "That code is not valid now."

    def __init__(self, request: HttpRequest, user: Any, data: Any = None) -> None:
        super().__init__(data)
        self._request, self._user = request, user

    def clean(self) -> dict[str, Any]:
        """Raises: ValidationError."""
        code = self.cleaned_data.get("code")
        if code is not None:
            self.tries = counted(self._request, self._user.get_username(), self._user)
            waits = wait_s(self._user)
            if not self.find(code):
                later = f" Wait {waits} s, then try the next one." if waits else ""
                raise ValidationError(f"{self.wrong}{later}", code="wrong_code")
        return self.cleaned_data

    def find(self, code: str) -> bool:
        """Find the device that the code is of; it is used up."""
        self.device = verify_code(self._user, code)
        return self.device is not None
