"""People who are signed in: what a session of Django's stands for at this moment.

All of it is read again for each request and each look at an open socket: a session that was signed out, whose user was
deactivated or has another password, role or device, is worth no more than these rows say.
"""

from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Subquery
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare
from django_otp import DEVICE_ID_SESSION_KEY
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from orders.access.authentication import Caller, Person, is_open_to
from orders.access.second_factor import is_bound_to_codes, verified_device
from orders.models import Membership
from orders.problems import Problem, ProblemError

# From sign-in on, used or not.
MOST_S = 12 * 3_600
# The end of a session that is not used moves on at most so often: one write a minute is all that use may cost.
MOVED_EVERY_S = 60
ENDS_AT = "ends_at"


class SignedIn(NamedTuple):
    """A user whose sign-in is complete, with the role that a role page or command has given."""

    user: Any
    membership: Membership | None
    session_key: str

    @property
    def caller(self) -> Caller | None:
        """The user as a caller of the API; None for one without an account."""
        if self.membership is None:
            return None
        person = Person(self.user.pk, self.membership.role, self.session_key)
        return Caller(self.membership.account, self.user.get_username(), person=person)


def signed_in(session: SessionBase, address: str) -> SignedIn | None:
    """Whose session it is, if it counts now: neither too old nor without the code that its user needs."""
    key, user_id = session.session_key, session.get(SESSION_KEY)
    if key is None or user_id is None:
        return None
    lasts = Session.objects.filter(session_key=key).values("expire_date")
    users = get_user_model()._default_manager.select_related("membership__account")
    user: Any = users.annotate(now=Now(), lasts=Subquery(lasts)).filter(pk=user_id, is_active=True).first()
    if user is None or not _has_password_of(session, user) or not _lasts(session, user):
        return None
    membership = getattr(user, "membership", None)
    device_id = session.get(DEVICE_ID_SESSION_KEY)
    is_verified = is_open_to(address) or verified_device(user, device_id) is not None
    # A session ends with the device that it was verified by, whether its user needs one or not.
    if not is_verified and (device_id or is_bound_to_codes(user, membership and membership.role)):
        return None
    _move_end(key, user)
    return SignedIn(user, membership, key)


def signed_in_to(request: Any) -> SignedIn | None:
    """The same of a request's session, looked at once for each request."""
    if not hasattr(request, "signed_in_person"):
        request.signed_in_person = signed_in(request.session, request.META.get("REMOTE_ADDR", ""))
    found: SignedIn | None = request.signed_in_person
    return found


def signed_in_by(session_key: str, address: str) -> SignedIn | None:
    """The same of the session with this key."""
    return signed_in(SessionStore(session_key), address)


def _has_password_of(session: SessionBase, user: Any) -> bool:
    """Whether the session began with the password of now, under any secret key that still counts."""
    stated = session.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(stated, each) for each in hashes)


def _lasts(session: SessionBase, user: Any) -> bool:
    """Whether the session is there and has not come to its end, used or not, by the database's clock."""
    is_used = user.lasts is not None and user.lasts > user.now
    return is_used and user.now.timestamp() < session.get(ENDS_AT, 0)


def _move_end(session_key: str, user: Any) -> None:
    """Note that it is in use. Never by saving the session: one that is signed out meanwhile must stay away."""
    later = user.now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    if later - user.lasts >= timedelta(seconds=MOVED_EVERY_S):
        Session.objects.filter(session_key=session_key, expire_date=user.lasts).update(expire_date=later)


def _limit_session(sender: object, request: Any, user: Any, **others: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now())::float8")
        request.session[ENDS_AT] = cursor.fetchone()[0] + MOST_S


user_logged_in.connect(_limit_session, dispatch_uid="limit_session")


class SessionAuthentication(BaseAuthentication):
    """A session cookie, and with all that is not safe the token of a page of ours."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The person, or None where no person is signed in. Raises: ProblemError `csrf`."""
        asked = request._request
        found = signed_in_to(asked)
        caller = None if found is None else found.caller
        if caller is None:
            return None
        check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]
        check.process_request(asked)
        if (reason := check.process_view(asked, _unnamed, (), {})) is not None:
            raise ProblemError(Problem("csrf", str(reason)))
        return caller, None


def _unnamed(request: Any) -> Any:
    """Stands for the view, of which the check only asks whether it is exempt."""
    raise NotImplementedError


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the schema about the session cookie."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A cookie."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
