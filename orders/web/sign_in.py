"""Signing in and out: name and password, then a one-time code for who may trade or administer.

Until the code is there no person is signed in: the session only remembers, for ten minutes, whose password was right.
Where the API is open to this machine no code is asked for.
"""

from typing import Any

from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.views import LoginView
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_POST

from orders.access.authentication import is_open_to
from orders.access.second_factor import is_bound_to_codes, is_enrolled
from orders.access.sessions import signed_in_to
from orders.audit.record import Actor, Entry, record
from orders.models import Membership
from orders.web.pages import form_page
from orders.web.sign_in_forms import PasswordForm, address_of

PENDING = "pending"
PENDING_S = 600
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    """`/sign-in`, and what the admin asks instead of its own page."""

    form_class = PasswordForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form; who is signed in already is told so."""
        return self.render_to_response(self.get_context_data(person=signed_in_to(request)))

    def form_valid(self, form: Any) -> HttpResponse:
        """The password was right: sign in, or ask for the code."""
        user, then = form.get_user(), self.get_success_url()
        role = Membership.objects.filter(user=user).values_list("role", flat=True).first()
        needs_code = not is_open_to(address_of(self.request)) and is_bound_to_codes(user, role)
        form.tries.forgive(is_complete=not needs_code)
        if not needs_code:
            enter(self.request, user, None)
            return HttpResponseRedirect(then)
        # A session that another browser knows must not be the one that is waited with.
        self.request.session.flush()
        self.request.session[PENDING] = {"user": user.pk, "hash": user.get_session_auth_hash(), "next": then}
        self.request.session.set_expiry(PENDING_S)
        return redirect("code" if is_enrolled(user) else "two-factor")

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Under the policy of pages with a form, and kept by no cache."""
        return form_page(self.request, "orders/sign_in.html", context)


def pending_user(request: HttpRequest) -> Any:
    """Whose password was right a moment ago and still is, or None."""
    pending = request.session.get(PENDING)
    if not pending:
        return None
    user: Any = get_user_model()._default_manager.filter(pk=pending["user"], is_active=True).first()
    return user if user and constant_time_compare(pending["hash"], user.get_session_auth_hash()) else None


def next_of(request: HttpRequest) -> str:
    """Where the person wanted to go, which was looked at when the password came."""
    return str((request.session.get(PENDING) or {}).get("next", "/"))


def enter(request: HttpRequest, user: Any, device: Any) -> None:
    """Sign the user in, on a session of its own; `device` is what the code was of, None where none was asked for."""
    request.session.flush()
    if device is not None:
        user.otp_device = device  # django-otp notes it in the session
    # Of people who did not sign out nothing else takes the rows away.
    Session.objects.filter(expire_date__lt=Now()).delete()
    with transaction.atomic():
        login(request, user, MODEL_BACKEND)
        record(_actor(request, user), [Entry("user.sign_in", f"user:{user.get_username()}")])


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, and with it its sockets."""
    user = request.user
    with transaction.atomic():
        logout(request)
        if user.is_authenticated:
            record(_actor(request, user), [Entry("user.sign_out", f"user:{user.get_username()}")])
    return redirect("sign-in")


def form_outdated(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token of a page of ours: it is old, or another site sent it."""
    return form_page(request, "orders/form_outdated.html", {"back": request.path}, status=403)


def _actor(request: HttpRequest, user: Any) -> Actor:
    return Actor(user.get_username(), address_of(request))
