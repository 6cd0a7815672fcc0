"""Who gets into the admin: staff whose sign-in is complete (`orders/web/sign_in.py`), with a code where one is due."""

from django.contrib import admin
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from orders.access.sessions import signed_in_to

_is_staff = admin.site.has_permission


def _has_permission(request: HttpRequest) -> bool:
    """Also of pages that were registered without a word about it."""
    return _is_staff(request) and signed_in_to(request) is not None


admin.site.has_permission = _has_permission  # type: ignore[method-assign]
# They show secrets, and change what a sign-in asks for without an entry in the audit log.
admin.site.unregister([TOTPDevice, StaticDevice])
