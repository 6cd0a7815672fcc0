"""`/sign-in/password`: who is signed in takes another password, which ends all other sessions of the user."""

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from orders.access.sessions import signed_in_to
from orders.audit.record import Actor, Entry, record
from orders.web.pages import form_page
from orders.web.sign_in_forms import address_of, counted


class PasswordForm(PasswordChangeForm):
    """The password of now and the new one, twice. A wrong one of now is a try like those of the sign-in."""

    request: HttpRequest

    def clean_old_password(self) -> str:
        """Raises: ValidationError."""
        tries = counted(self.request, self.user.get_username(), self.user)
        password: str = super().clean_old_password()
        tries.forgive(is_complete=True)
        return password

    def first_problem(self) -> str:
        """What is wrong, in one sentence; empty where nothing is."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")


@never_cache
@csrf_protect
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password_page(request: HttpRequest) -> HttpResponse:
    """The form, and what comes of it."""
    person = signed_in_to(request)
    if person is None:
        return redirect("sign-in")
    form = PasswordForm(person.user, request.POST if request.method == "POST" else None)
    form.request = request
    if not form.is_valid():
        context = {"form": form, "user_name": person.user.get_username(), "problem": form.first_problem()}
        return form_page(request, "orders/password.html", context)
    name = person.user.get_username()
    # Django would read it by the password of before only now, and end the session.
    request.user = person.user
    with transaction.atomic():
        form.save()
        update_session_auth_hash(request, person.user)
        record(Actor(name, address_of(request)), [Entry("user.password", f"user:{name}")])
    return redirect("start")
