"""Endpoints of an account: made, changed, disabled and enabled, their secrets rotated, messages asked for.

Every change is in the audit log, in its own transaction; no secret is. A change of what is sent, or where to, counts
the version up, so that no attempt that began before it is settled on what holds now.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from orders.audit.record import Actor, Entry, record
from orders.database.locks import WEBHOOKS
from orders.event_log.cursor import BEGINNING, WHOLE, Cursor, Position
from orders.event_log.log import epoch_now, newest
from orders.models import Account, Webhook, WebhookDelivery, new_id
from orders.notify.webhooks import hint_change
from orders.problems import Problem, ProblemError
from orders.webhooks.claims import MOST_REQUESTS, valid_secrets
from orders.webhooks.signatures import encrypt, encrypt_again, new_secret

MOST_ENDPOINTS = 16
MOST_OVERLAP_H, DEFAULT_OVERLAP_H = 168, 24
# Secrets of before that sign beside the newest one: that of a lost answer does not put out the one that is in use.
MOST_PREVIOUS = 3
BY_OWNER, BY_OPERATOR = "owner", "operator"
# What an owner states of an endpoint, by the names of the columns.
STATED = ("url", "description", "statuses", "pair", "tag")
# After a change of these what was read before is not settled.
_DECIDING = frozenset({"url", "statuses", "pair", "tag"})


class Made(NamedTuple):
    """An endpoint and its secret, which is shown this once."""

    webhook: Webhook
    secret: str


def find(account: Account, webhook_id: UUID, *, lock: bool = False) -> Webhook:
    """The account's endpoint. Raises: ProblemError `not_found`."""
    rows = Webhook.objects.select_for_update() if lock else Webhook.objects
    webhook = rows.filter(account=account, pk=webhook_id).first()
    if webhook is None:
        raise ProblemError(Problem("not_found", f"there is no webhook {webhook_id}"))
    return webhook


def of_account(account: Account) -> list[Webhook]:
    """The account's endpoints, oldest first."""
    return list(Webhook.objects.filter(account=account).order_by("pk"))


def create(account: Account, stated: Mapping[str, Any], actor: Actor) -> Made:
    """A new endpoint, which is sent what happens from now on. Raises: ProblemError `limit_exceeded`."""
    webhook_id, secret = new_id(), new_secret()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [WEBHOOKS])
        if Webhook.objects.filter(account=account).count() >= MOST_ENDPOINTS:
            facts = {"limit": "webhooks", "most": MOST_ENDPOINTS}
            raise ProblemError(
                Problem("limit_exceeded", f"an account has {MOST_ENDPOINTS} webhooks at most", facts=facts)
            )
        sealed = encrypt(secret, webhook_id)
        Webhook.objects.create(id=webhook_id, account=account, secret=sealed, epoch=epoch_now(), **stated)
        webhook = Webhook.objects.get(pk=webhook_id)
        _record(actor, "create", webhook, None, facts_of(webhook))
    hint_change()
    return Made(webhook, secret)


def change(
    account: Account, webhook_id: UUID, stated: Mapping[str, Any], is_enabled: bool | None, actor: Actor
) -> Webhook:
    """Other terms, or the switch, or both. Raises: ProblemError, also where the operator has disabled it."""
    with transaction.atomic():
        webhook = find(account, webhook_id, lock=True)
        before = facts_of(webhook)
        changed = {name: value for name, value in stated.items() if getattr(webhook, name) != value}
        if _DECIDING & changed.keys():
            changed["version"] = F("version") + 1
        if "url" in changed:  # the new receiver has failed at nothing
            changed |= {"attempt": 0, "failure": None, "due_at": Now()}
        if changed:
            Webhook.objects.filter(pk=webhook.pk).update(**changed)
            _record(actor, "change", webhook, *_different(before, facts_of(find(account, webhook_id))))
        if is_enabled is not None:
            _require_own(webhook, is_enabled)
            _switch(webhook, actor, is_enabled=is_enabled, by=BY_OWNER)
        webhook = find(account, webhook_id)
    hint_change()
    return webhook


def switch_by_operator(webhook_id: UUID, actor: Actor, *, is_enabled: bool) -> bool:
    """Disable an endpoint, or enable it again where it stands. Whether it changed."""
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().filter(pk=webhook_id).first()
        has_changed = webhook is not None and _switch(webhook, actor, is_enabled=is_enabled, by=BY_OPERATOR)
    hint_change()
    return has_changed


def _require_own(webhook: Webhook, is_enabled: bool) -> None:
    """Raises: ProblemError where the operator has disabled what its account would enable."""
    if is_enabled and webhook.disabled_by == BY_OPERATOR:
        detail = "the operator has disabled this webhook"
        raise ProblemError(Problem("webhook_disabled", detail, "Ask the operator to enable it"))


def _switch(webhook: Webhook, actor: Actor, *, is_enabled: bool, by: str) -> bool:
    if is_enabled is (webhook.disabled_at is None):
        return False
    off = {"disabled_at": Now(), "disabled_by": by, "requests": []}
    on = {"disabled_at": None, "disabled_by": None, "attempt": 0, "failure": None, "due_at": Now()}
    Webhook.objects.filter(pk=webhook.pk).update(**(on if is_enabled else off), version=F("version") + 1)
    _record(actor, "enable" if is_enabled else "disable", webhook, None, {"by": by})
    return True


def delete(account: Account, webhook_id: UUID, actor: Actor) -> None:
    """Nothing more is sent, but what is on its way; its log of deliveries goes with it. Raises: ProblemError."""
    with transaction.atomic():
        webhook = find(account, webhook_id, lock=True)
        facts = facts_of(webhook)
        Webhook.objects.filter(pk=webhook.pk).delete()
        _record(actor, "delete", webhook, facts, None)
    hint_change()


def rotate_secret(account: Account, webhook_id: UUID, overlap_h: int, actor: Actor) -> Made:
    """A new secret. For some hours messages are signed with those of before too. Raises: ProblemError `not_found`."""
    secret = new_secret()
    with transaction.atomic():
        webhook = find(account, webhook_id, lock=True)
        webhook.previous = _overlapping(webhook, overlap_h)
        webhook.secret = encrypt(secret, webhook_id)
        webhook.version += 1
        webhook.save(update_fields=("previous", "secret", "version"))
        _record(actor, "rotate_secret", webhook, None, {"overlap_hours": overlap_h})
        webhook = find(account, webhook_id)
    hint_change()
    return Made(webhook, secret)


def ask_for_test(account: Account, webhook_id: UUID, actor: Actor) -> str:
    """Have a test message sent, once; its `webhook-id`. Raises: ProblemError."""
    message = f"test_{uuid7()}"
    _ask(account, webhook_id, {"kind": "test", "id": message}, actor, "test")
    return message


def ask_for_delivery(account: Account, webhook_id: UUID, delivery_id: int, actor: Actor) -> str:
    """Have the event of a delivery sent again, once; its `webhook-id`. Raises: ProblemError."""
    row = WebhookDelivery.objects.filter(webhook__account=account, webhook=webhook_id, pk=delivery_id).first()
    if row is None:
        raise ProblemError(Problem("not_found", f"there is no delivery {delivery_id} of this webhook"))
    if row.order_id is None:
        raise ProblemError(Problem("invalid", f"delivery {delivery_id} is a {row.kind}, and no event"))
    request = {"kind": "event", "order_id": str(row.order_id), "seq": row.seq, "cursor": row.cursor}
    _ask(account, webhook_id, request, actor, "redeliver")
    return row.message_id


def move_to(account: Account, webhook_id: UUID, after: Cursor | None, actor: Actor) -> Webhook:
    """Go on after a cursor, None for the beginning: back, to have events again, or forward, to pass some over.

    Raises: ProblemError, also `cursor_unknown` for a cursor of another log, or ahead of this one.
    """
    with transaction.atomic():
        webhook = find(account, webhook_id, lock=True)
        end = newest()
        if after is not None and (after.epoch != end.epoch or after.position.is_ahead_of(end.position)):
            detail = "this cursor is of another database, as after a restore, or ahead of the log"
            raise ProblemError(Problem("cursor_unknown", detail, facts={"cursor": str(end)}))
        position = BEGINNING if after is None else after.position
        before = str(cursor_of(webhook))
        _move(webhook, position, end.epoch)
        webhook = find(account, webhook_id)
        _record(actor, "redeliver", webhook, {"cursor": before}, {"cursor": str(cursor_of(webhook))})
    hint_change()
    return webhook


def cursor_of(webhook: Webhook) -> Cursor:
    """Where an endpoint stands in the log."""
    return Cursor(webhook.epoch, Position(webhook.xid, webhook.row_id, WHOLE if webhook.seq is None else webhook.seq))


def facts_of(webhook: Webhook) -> dict[str, Any]:
    """What an owner has stated, for the record: no secret."""
    return {name: getattr(webhook, name) for name in STATED}


def _move(webhook: Webhook, position: Position, epoch: str) -> None:
    xid, row_id, seq = position
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_webhook SET xid = %s::text::xid8, row_id = %s, seq = %s::int, epoch = %s, attempt = 0,"
            " failure = NULL, due_at = now(), version = version + 1 WHERE id = %s",
            [str(xid), row_id, None if seq == WHOLE else seq, epoch, webhook.pk],
        )


def _ask(account: Account, webhook_id: UUID, request: Mapping[str, Any], actor: Actor, action: str) -> None:
    with transaction.atomic():
        webhook = find(account, webhook_id, lock=True)
        if webhook.disabled_at is not None:
            raise ProblemError(Problem("webhook_disabled", "nothing is sent to a disabled webhook"))
        requests: Sequence[Any] = webhook.requests
        if len(requests) >= MOST_REQUESTS:
            raise ProblemError(Problem("limit_exceeded", f"{MOST_REQUESTS} messages wait to be sent already"))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_webhook SET requests = requests || %s::jsonb WHERE id = %s",
                [orjson.dumps([request]).decode(), webhook.pk],
            )
        _record(actor, action, webhook, None, dict(request))
    hint_change()


def _overlapping(webhook: Webhook, overlap_h: int) -> list[dict[str, str]]:
    """Which secrets of before still sign: the last ones, as long as was said, and none where there is no overlap.

    Encrypted with the newest key. One that cannot be read is left out: the webhook would be disabled for it.
    """
    if not overlap_h:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
    until = (now + timedelta(hours=overlap_h)).isoformat()
    known = [{"secret": webhook.secret, "until": until}, *valid_secrets(webhook.previous, now)]
    sealed = [(encrypt_again(one["secret"], webhook.pk), one["until"]) for one in known[:MOST_PREVIOUS]]
    return [{"secret": secret, "until": until} for secret, until in sealed if secret is not None]


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in STATED if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _record(actor: Actor, action: str, webhook: Webhook, before: Any, after: Any) -> None:
    record(actor, [Entry(f"webhook.{action}", f"webhook:{webhook.pk}", before, after, webhook.account_id)])
