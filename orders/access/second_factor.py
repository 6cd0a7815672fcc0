"""One-time codes: who needs them, how an authenticator app is enrolled, and how a code is checked.

The devices are rows of django-otp, which refuses a code that was used before, and makes each try after a wrong one wait
twice as long as the try before. Of backup codes the digests are kept, in the place of the codes.
"""

import hashlib
import math
import secrets
from base64 import b32encode
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from orders.audit.record import Actor, Entry, record
from orders.scopes import READ_ONLY

BACKUP_CODES = 10
CODE_DIGITS = 6
# An enrolment that is not finished by then is begun again.
LEFT_S = 3_600
MOST_BEGUN = 8
# 80 random bits: their digest cannot be guessed back. As many as the digest that django-otp has room for.
_BACKUP_BYTES, _DIGEST_BYTES = 10, 10
APP, BACKUP = "authenticator app", "backup codes"


def is_bound_to_codes(user: Any, role: str | None) -> bool:
    """Whether the user may do nothing without a code: who may trade or administer, and who has enrolled a device."""
    return user.is_staff or user.is_superuser or role not in {None, READ_ONLY} or is_enrolled(user)


def is_enrolled(user: Any) -> bool:
    """Whether the user has an app that makes codes."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def verified_device(user: Any, device_id: str | None) -> Device | None:
    """The device of the user by which a session was verified; None once that is gone."""
    device = Device.from_persistent_id(device_id) if device_id else None
    return device if device is not None and device.user_id == user.pk and device.confirmed else None


def begin_enrolment(user: Any, device_id: str | None) -> TOTPDevice:
    """A device with a secret that only this session or page has seen: the one that it began with, else a new one."""
    device = Device.from_persistent_id(device_id) if device_id else None
    if isinstance(device, TOTPDevice) and device.user_id == user.pk and not device.confirmed:
        return device
    begun = TOTPDevice.objects.filter(user=user, confirmed=False)
    # Those that were begun and left, and the oldest of too many.
    begun.filter(created_at__lt=Now() - timedelta(seconds=LEFT_S)).delete()
    begun.filter(pk__in=[*begun.order_by("-pk").values_list("pk", flat=True)[MOST_BEGUN - 1 :]]).delete()
    return TOTPDevice.objects.create(user=user, name=APP, confirmed=False)


def confirm_enrolment(user: Any, device: TOTPDevice, code: str, actor: Actor, *, replaces: bool) -> list[str] | None:
    """The new backup codes, once a code shows that the app has the secret; else None.

    Unless it `replaces` the user's device, there must be none yet: of two sessions that enroll at a time, one does.
    """
    with transaction.atomic():
        type(user).objects.select_for_update().get(pk=user.pk)
        if (is_enrolled(user) and not replaces) or verify_token(user, device.persistent_id, _digits(code)) is None:
            return None
        TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        StaticDevice.objects.filter(user=user).delete()
        backup = StaticDevice.objects.create(user=user, name=BACKUP)
        codes = [b32encode(secrets.token_bytes(_BACKUP_BYTES)).decode().lower() for _ in range(BACKUP_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=backup, token=_digest(each)) for each in codes)
        record(actor, [Entry("user.two_factor_enroll", f"user:{user.get_username()}")])
    device.confirmed = True
    return ["-".join(each[i : i + 4] for i in range(0, len(each), 4)) for each in codes]


def verify_code(user: Any, code: str) -> Device | None:
    """The device of the user that a code is of, which is used up by this; None for a wrong one, or one too soon."""
    digits = _digits(code)
    kind, token = (TOTPDevice, digits) if digits else (StaticDevice, _digest(_bare(code)))
    for device in kind.objects.filter(user=user, confirmed=True):
        if (verified := verify_token(user, device.persistent_id, token)) is not None:
            return verified
    return None


def wait_s(user: Any) -> int:
    """Seconds until the next code of the app is looked at: 0, or longer after each wrong one."""
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    until = (device.verify_is_allowed()[1] or {}).get("locked_until") if device else None
    return math.ceil((until - timezone.now()).total_seconds()) if until else 0


def backup_codes_left(user: Any) -> int:
    """How many were not used."""
    return int(StaticToken.objects.filter(device__user=user).count())


def reset(user: Any, actor: Actor) -> bool:
    """Take the user's devices and backup codes away, so that the next sign-in enrolls; False where there are none."""
    with transaction.atomic():
        type(user).objects.select_for_update().get(pk=user.pk)
        gone = TOTPDevice.objects.filter(user=user).delete()[0] + StaticDevice.objects.filter(user=user).delete()[0]
        if gone:
            record(actor, [Entry("user.two_factor_reset", f"user:{user.get_username()}")])
    return bool(gone)


def _digits(code: str) -> str:
    """A code of the app, as people type it; empty where it is none."""
    bare = _bare(code)
    return bare if len(bare) == CODE_DIGITS and bare.isascii() and bare.isdigit() else ""


def _bare(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _digest(code: str) -> str:
    return b32encode(hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]).decode().lower()
