"""What of an engine needs a person: pauses, silent workers, incidents, wallets, webhooks and quarantined orders.

Each read is bounded, and served by an index or a table that stays small. Nothing asks the chain.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.urls import reverse

from orders.admin.cells import moment
from orders.admin.charts import in_words
from orders.models import Order, TradingControl, Wallet, Webhook
from orders.reconciliation.incidents import open_incidents
from orders.selectors import worker_age_s
from orders.webhooks.endpoints import BY_OWNER

# Rows that are named of each kind; more are counted, up to `MOST`.
NAMED, MOST = 5, 1_000
WORKER_SILENT_S = 10


class Note(NamedTuple):
    """One line: what it is, in words, where its page is, and whether it is in order."""

    what: str
    words: str
    page: str
    is_well: bool = False
    # Who sees it: what the pages of its kind ask for.
    permission: str = "orders.view_order"


def notes(chain_id: str) -> list[Note]:
    """All there is to say of an engine: first what is wrong, then what is well."""
    found = [
        _worker(chain_id),
        *_listed("paused", TradingControl.objects.select_related("account").order_by("-at"), _pause, "nothing"),
        *_incidents(),
        *_listed("wallets", _troubled_wallets(), _wallet, "all sign"),
        *_listed("webhooks", _failing_webhooks(), _webhook, "none fails"),
        *_listed("quarantined", Order.objects.filter(parked_at__isnull=False).order_by("-id"), _parked, "no order"),
    ]
    return sorted(found, key=lambda note: note.is_well)


def _worker(chain_id: str) -> Note:
    age_s, page = worker_age_s(chain_id), ""
    if age_s is None:
        return Note("workers", "none has reported yet: start one", page)
    words = f"maintenance last ran {in_words(age_s * 1000)} ago"
    is_well = age_s <= WORKER_SILENT_S
    return Note("workers", words if is_well else f"{words}: start a worker", page, is_well)


def _incidents() -> Iterator[Note]:
    found = open_incidents()
    page, permission = reverse("admin:orders_auditentry_changelist"), "orders.view_auditentry"
    for entry in found[:NAMED]:
        words = f"{entry.action.removeprefix('incident.')} of {entry.subject}, {_at(entry.at)}"
        yield Note("incident", words, reverse("admin:orders_auditentry_change", args=[entry.pk]), False, permission)
    if len(found) > NAMED:
        yield Note("incident", f"and {len(found) - NAMED} more", page, False, permission)
    if not found:
        yield Note("incidents", "each is acknowledged", page, True, permission)


def _listed(what: str, rows: QuerySet[Any], note: Any, none: str) -> Iterator[Note]:
    found: Sequence[Any] = list(rows[: NAMED + 1])
    model = rows.model._meta
    page = reverse(f"admin:{model.app_label}_{model.model_name}_changelist")
    permission = f"{model.app_label}.view_{model.model_name}"
    for row in islice(found, NAMED):
        at = reverse(f"admin:{model.app_label}_{model.model_name}_change", args=[row.pk])
        yield Note(what, note(row), at, False, permission)
    if len(found) > NAMED:
        count = rows.order_by()[: MOST + 1].count()
        yield Note(what, f"{'more than ' if count > MOST else ''}{min(count, MOST):,} in all", page, False, permission)
    if not found:
        yield Note(what, none, page, True, permission)


def _troubled_wallets() -> QuerySet[Wallet]:
    wallets = Wallet.objects.filter(retired_at__isnull=True).select_related("account")
    return (wallets.exclude(paused_reason="") | wallets.filter(low_since__isnull=False)).order_by("-id")


def _failing_webhooks() -> QuerySet[Webhook]:
    """Not those that their owner has switched off."""
    webhooks = Webhook.objects.select_related("account")
    failing = webhooks.filter(disabled_at__isnull=True, attempt__gt=0)
    return (failing | webhooks.filter(disabled_at__isnull=False).exclude(disabled_by=BY_OWNER)).order_by("-id")


def _pause(row: TradingControl) -> str:
    name = row.venue or (row.account.name if row.account else row.chain_id)
    return f"{row.scope} {name}".rstrip() + f": {row.reason} ({row.actor}, {_at(row.at)})"


def _wallet(row: Wallet) -> str:
    why = row.paused_reason or f"holds too little to pay for transactions since {_at(row.low_since)}"
    return f"{row.account}, {row.address}: {why}"


def _webhook(row: Webhook) -> str:
    state = f"disabled by {row.disabled_by}" if row.disabled_by else f"{row.attempt} attempts have failed"
    return f"{row.account}, {row.url}: {state}" + (f", last {row.failure}" if row.failure else "")


def _parked(row: Order) -> str:
    return f"{row.id}: its workers died, {row.status} since {_at(row.updated_at)}"


def _at(at: datetime | None) -> str:
    return moment(at, "seconds")
