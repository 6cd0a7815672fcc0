"""Makes, rotates and revokes API keys, each with its entry in the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, F, Q
from django.db.models.functions import Least, Now
from django.utils import timezone

from orders.audit.record import Actor, Entry, record
from orders.models import Account, ApiKey
from orders.models.key_format import kind_of
from orders.scopes import SCOPES
from orders.values import shown

MAX_NAME = 50
# How long a rotated key goes on beside the new one.
MOST_OVERLAP_H, DEFAULT_OVERLAP_H = 720, 24
# What a key may do, by the names of the columns.
_TERMS = (
    *("name", "scopes", "expiry_date", "max_order_value", "max_day_value", "max_day_fees", "venues", "tokens"),
    *("ip_ranges", "is_dry_run_only", "rate_per_minute"),
)


class KeyProblem(ValueError):
    """What was asked for a key makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a key may do; values in micro-units, empty lists and None mean any."""

    scopes: Sequence[str]
    name: str = ""
    expires_days: int | None = None
    max_order_value: int | None = None
    max_day_value: int | None = None
    max_day_fees: int | None = None
    venues: Sequence[str] = ()
    tokens: Sequence[str] = ()
    ip_ranges: Sequence[str] = ()
    is_dry_run_only: bool = False
    rate_per_minute: int | None = None


def create_key(account: Account, terms: KeyTerms, *, chain_id: str, actor: Actor) -> tuple[ApiKey, str]:
    """The stored key and its text, which cannot be read again. Raises: KeyProblem."""
    fields = _checked(account, terms)
    with transaction.atomic():
        row, text = ApiKey.objects.create_key(kind=kind_of(chain_id), account=account, **fields)
        record_created(row, actor)
    return row, text


def record_created(row: ApiKey, actor: Actor) -> None:
    """Note a new key, in the transaction that stores it."""
    record(actor, [Entry("key.create", f"key:{row.prefix}", None, key_json(row), row.account_id)])


def revoke_key(prefix: str, *, actor: Actor) -> bool:
    """Make a key useless from this moment on; False when there is none, or it is revoked already."""
    with transaction.atomic():
        row = ApiKey.objects.select_for_update().filter(prefix=prefix, revoked=False).first()
        if row is None:
            return False
        ApiKey.objects.filter(pk=row.pk).update(revoked=True)
        record(actor, [Entry("key.revoke", f"key:{prefix}", False, True, row.account_id)])
    return True


def rotate_key(prefix: str, *, overlap_h: int, chain_id: str, actor: Actor) -> tuple[ApiKey, str] | None:
    """A new key that may do what this one may, which ends after some hours, 0: at once. None where it is not valid.

    The new key has the expiry of the old one, and its own count of a day's orders and fees, from zero.
    """
    with transaction.atomic():
        valid = ApiKey.objects.filter(Q(expiry_date__isnull=True) | Q(expiry_date__gt=Now()), revoked=False)
        old = valid.select_for_update().filter(prefix=prefix).first()
        if old is None:
            return None
        fields = {name: getattr(old, name) for name in _TERMS}
        row, text = ApiKey.objects.create_key(kind=kind_of(chain_id), account=old.account, **fields)
        ends_at = Least(Now() + timedelta(hours=overlap_h), "expiry_date", output_field=DateTimeField())
        ApiKey.objects.filter(pk=old.pk).update(expiry_date=ends_at, revoked=not overlap_h)
        old.refresh_from_db()
        rotated = {"rotated_to": row.prefix, "expires_at": key_json(old)["expires_at"], "revoked": old.revoked}
        record(
            actor,
            [
                Entry("key.create", f"key:{row.prefix}", None, key_json(row), row.account_id),
                Entry("key.rotate", f"key:{prefix}", None, rotated, row.account_id),
            ],
        )
    return row, text


def key_json(row: ApiKey) -> dict[str, Any]:
    """What a key may do, for the record; never the secret nor its digest."""
    return {
        "name": row.name,
        "scopes": row.scopes,
        "expires_at": row.expiry_date and row.expiry_date.isoformat(),
        "max_order_value": None if row.max_order_value is None else shown(row.max_order_value),
        "max_day_value": None if row.max_day_value is None else shown(row.max_day_value),
        "max_day_fees": None if row.max_day_fees is None else shown(row.max_day_fees),
        "venues": row.venues,
        "tokens": row.tokens,
        "ip_ranges": row.ip_ranges,
        "is_dry_run_only": row.is_dry_run_only,
        "rate_per_minute": row.rate_per_minute,
        "revoked": row.revoked,
    }


def newest_first() -> Any:
    """Keys of all accounts."""
    return ApiKey.objects.select_related("account").order_by(F("created").desc())


def _checked(account: Account, terms: KeyTerms) -> Mapping[str, Any]:
    if unknown := set(terms.scopes) - set(SCOPES):
        raise KeyProblem(f"there is no scope {min(unknown)}; there are {', '.join(SCOPES)}")
    if not terms.scopes:
        raise KeyProblem("a key needs at least one scope")
    if terms.expires_days is not None and terms.expires_days < 1:
        raise KeyProblem("a key must live at least a day")
    for text in terms.ip_ranges:
        try:
            ip_network(text)
        except ValueError as error:
            raise KeyProblem(str(error)) from None
    days = terms.expires_days
    return {
        "name": (terms.name or account.name)[:MAX_NAME],
        "scopes": [scope for scope in SCOPES if scope in terms.scopes],
        "expiry_date": timezone.now() + timedelta(days=days) if days else None,
        "max_order_value": terms.max_order_value,
        "max_day_value": terms.max_day_value,
        "max_day_fees": terms.max_day_fees,
        "venues": sorted(set(terms.venues)),
        "tokens": sorted(set(terms.tokens)),
        "ip_ranges": sorted(set(terms.ip_ranges)),
        "is_dry_run_only": terms.is_dry_run_only,
        "rate_per_minute": terms.rate_per_minute,
    }
