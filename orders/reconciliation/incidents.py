"""Incidents that the engine has reported, and who has acknowledged them: entries of the audit log, both.

An acknowledgement changes nothing else: a pause that came with an incident is resumed by itself.
"""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import QuerySet

from orders.audit.record import Actor, Entry, record
from orders.audit.words import acts_done
from orders.database.locks import EXAMINE
from orders.models import AuditEntry
from orders.models.audit import SIGNATURE

INCIDENT = "incident."
ACKNOWLEDGED = "audit.acknowledge"
# Of each kind, the newest ones that are looked at.
NEWEST = 50


def open_incidents() -> list[AuditEntry]:
    """Those that are not acknowledged, of the newest `NEWEST` of each kind; newest first."""
    found = [
        entry
        for action in acts_done()
        if action.startswith(INCIDENT)
        for entry in _acts().filter(action=action).order_by("-id")[:NEWEST]
    ]
    known = acknowledged([entry.pk for entry in found])
    return sorted((entry for entry in found if entry.pk not in known), key=lambda entry: -entry.pk)


def is_incident(entry: AuditEntry) -> bool:
    """Whether the engine has reported it as one."""
    return entry.action.startswith(INCIDENT)


def acknowledgement_of(entry_id: int) -> AuditEntry | None:
    """The entry that says who has acknowledged an incident."""
    return _acts().filter(subject=_subject(entry_id), action=ACKNOWLEDGED).order_by("id").first()


def acknowledged(entry_ids: Sequence[int]) -> set[int]:
    """Which of these incidents are acknowledged."""
    subjects = {_subject(pk): pk for pk in entry_ids}
    rows = _acts().filter(subject__in=list(subjects), action=ACKNOWLEDGED)
    return {subjects[subject] for subject in rows.values_list("subject", flat=True)}


def acknowledge(entry_ids: Sequence[int], actor: Actor) -> int:
    """Note that a person has looked at these incidents; how many of them were open. Others are passed over."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EXAMINE])
        rows = _acts().filter(pk__in=entry_ids, action__startswith=INCIDENT).order_by("id")
        known = acknowledged([row.pk for row in rows])
        entries = [
            Entry(
                ACKNOWLEDGED, _subject(row.pk), None, {"incident": row.action, "subject": row.subject}, row.account_id
            )
            for row in rows
            if row.pk not in known
        ]
        record(actor, entries)
    return len(entries)


def _acts() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.exclude(action=SIGNATURE)


def _subject(entry_id: int) -> str:
    return f"audit:{entry_id}"
