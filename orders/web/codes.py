"""The pages of one-time codes: asked for after the password, and enrolled at the first sign-in that needs them."""

from base64 import b32encode
from typing import Any

import segno
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import DEVICE_ID_SESSION_KEY

from orders.access.second_factor import backup_codes_left, begin_enrolment, confirm_enrolment, is_enrolled
from orders.access.sessions import signed_in_to
from orders.audit.record import Actor
from orders.web.pages import form_page
from orders.web.sign_in import enter, next_of, pending_user
from orders.web.sign_in_forms import CodeForm, address_of

ENROLLING = "enrolling"


class EnrolForm(CodeForm):
    """The first code of an app that is enrolled."""

    def __init__(self, request: HttpRequest, user: Any, device: Any, replaces: bool, data: Any = None) -> None:
        super().__init__(request, user, data)
        self.device, self._replaces = device, replaces
        self.codes: list[str] | None = None
        if replaces:
            self.wrong = "That password or code is not valid now."

    def find(self, code: str) -> bool:
        """Confirm the device; it comes with backup codes. Where a session is open already, the password shows whose."""
        if self._replaces and not self._user.check_password(self.data.get("password", "")):
            return False
        actor = Actor(self._user.get_username(), address_of(self._request))
        self.codes = confirm_enrolment(self._user, self.device, code, actor, replaces=self._replaces)
        return self.codes is not None


@never_cache
@csrf_protect
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """`/sign-in/code`: the code after the password."""
    user = pending_user(request)
    if user is None:
        return redirect("sign-in")
    if not is_enrolled(user):
        return redirect("two-factor")
    form = CodeForm(request, user, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return form_page(request, "orders/code.html", {"form": form, "user_name": user.get_username()})
    then = next_of(request)
    form.tries.forgive(is_complete=True)
    enter(request, user, form.device)
    return HttpResponseRedirect(then)


@never_cache
@csrf_protect
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_page(request: HttpRequest) -> HttpResponse:
    """`/sign-in/two-factor`: a QR code for an app, then its first code; at the end the backup codes, once.

    For who has given the password and has no app yet, and for who is signed in and wants another app.
    """
    user, is_entering = pending_user(request), True
    if user is None:
        person = signed_in_to(request)
        user, is_entering = (person.user, False) if person else (None, True)
    if user is None:
        return redirect("sign-in")
    if is_entering and is_enrolled(user):
        return redirect("code")
    # Where a session is open already, each page has a secret of its own: another who uses the session sees another one.
    device = begin_enrolment(user, request.session.get(ENROLLING) if is_entering else _of_page(request))
    if is_entering:
        request.session[ENROLLING] = device.persistent_id
    form = EnrolForm(request, user, device, not is_entering, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        secret = b32encode(device.bin_key).decode().rstrip("=")
        context = {
            "form": form,
            "user_name": user.get_username(),
            "qr": qr_markup(device.config_url),
            "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
            "is_entering": is_entering,
            "of_page": signing.dumps(device.persistent_id, salt=ENROLLING),
            "codes_left": backup_codes_left(user),
        }
        return form_page(request, "orders/two_factor.html", context)
    then = next_of(request)
    form.tries.forgive(is_complete=True)
    if is_entering:
        enter(request, user, device)
    else:
        # A copy of the cookie ends too.
        request.session.cycle_key()
        request.session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    return form_page(request, "orders/backup_codes.html", {"codes": form.codes, "next": then})


def _of_page(request: HttpRequest) -> str | None:
    """The device whose secret the form's page showed; None for a page that is opened."""
    try:
        return str(signing.loads(request.POST.get("of_page", ""), salt=ENROLLING))
    except signing.BadSignature:
        return None


def qr_markup(text: str) -> str:
    """A QR code as SVG, which the page's policy allows where it allows no images of data."""
    markup: str = segno.make(text, error="m").svg_inline(border=2, omitsize=True, dark="#000", light="#fff")
    return mark_safe(markup)  # noqa: S308 - made of squares alone
