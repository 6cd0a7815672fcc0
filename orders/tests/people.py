"""People who sign in: users with a role, browsers in which they are signed in, and the codes of their apps."""

import time
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from uuid_utils.compat import uuid7

from orders.models import Account, Membership

PASSWORD = "correct horse battery staple"


def new_person(account: Account | None, role: str = "trading", name: str = "", **fields: Any) -> Any:
    """A user with the role, without a device and with a password that costs no time to check."""
    user = get_user_model()(username=name or f"user-{uuid7()}", **fields)
    user.password = MD5PasswordHasher().encode(PASSWORD, "salt" * 8)
    user.save()
    if account is not None:
        Membership.objects.create(user=user, account=account, role=role)
    return user


def enroll(user: Any) -> TOTPDevice:
    """An app of the user's that is enrolled."""
    return TOTPDevice.objects.create(user=user, name="app", confirmed=True)


def code_of(device: TOTPDevice, *, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06d}"


def sign_in(client: Client, user: Any, *, with_code: bool = True) -> Client:
    """The browser, in which the user is signed in; without a code as if the password had been enough."""
    client.force_login(user)
    if with_code:
        device = TOTPDevice.objects.filter(user=user, confirmed=True).first() or enroll(user)
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
    return client


def browser_of(user: Any, **options: Any) -> Client:
    """A browser of its own in which the user is signed in."""
    return sign_in(Client(raise_request_exception=False, **options), user)
