"""The admin's first page: what needs a person, and how the engine does, over the list of all pages.

The figures are those of the process, at most `SHARED_S` old: many who look cost as much as one.
"""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from orders.admin.cells import moment, table
from orders.admin.charts import Column, Span, bar, columns, in_words, spans
from orders.admin.condition import Note, notes
from orders.admin.figures import (
    MOST_DUE,
    MOST_PLACED,
    Bin,
    Flow,
    Queue,
    StepTime,
    read_flow,
    read_queues,
    read_step_times,
)
from orders.engine import get_engine
from orders.models.orders import Order

SHARED_S = 5.0
TEMPLATE = "admin/orders/index.html"


@dataclass(frozen=True, slots=True)
class Operations:
    """All that the page shows, made at one moment."""

    chain_id: str
    notes: list[Note]
    minutes: SafeString
    hours: SafeString
    outcomes: SafeString
    steps: SafeString
    queues: SafeString
    step_times: SafeString
    placed: int
    has_steps: bool
    said_since: str


class _Shared:
    """The figures that were made last; one who asks while they are made waits for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[float, Operations] | None = None

    def get(self) -> Operations:
        with self._lock:
            now = time.monotonic()
            if self._made is None or now - self._made[0] >= SHARED_S:
                self._made = None
                self._made = now, _make()
            return self._made[1]

    def forget(self) -> None:
        with self._lock:
            self._made = None


shared = _Shared()


def index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
    """The figures for those who may view orders, with notes of what they may view, then the list of pages as it is."""
    may = request.user.has_perm
    shown = {}
    if may(f"orders.view_{Order._meta.model_name}"):
        made = shared.get()
        shown["operations"] = replace(made, notes=[note for note in made.notes if may(note.permission)])
    return AdminSite.index(admin.site, request, {**(extra_context or {}), **shown})


def _make() -> Operations:
    chain_id = get_engine().chain.chain_id
    flow, queues, steps = read_flow(), read_queues(chain_id), read_step_times()
    return Operations(
        chain_id=chain_id,
        notes=notes(chain_id),
        minutes=columns("by-minute", "Orders placed by minute (UTC)", _columns(flow.minutes, flow), 15),
        hours=columns("by-hour", "Orders placed by hour (UTC)", _columns(flow.hours, flow), 6),
        outcomes=_outcomes(flow),
        steps=spans("steps", "Step times", [Span(one.step, one.p50_ms, one.p99_ms) for one in steps]),
        step_times=_step_times(steps),
        queues=_queues(queues),
        placed=flow.placed,
        has_steps=bool(steps),
        said_since="" if flow.since is None else f"the newest {MOST_PLACED:,}, since {moment(flow.since, 'seconds')}",
    )


def _columns(bins: list[Bin], flow: Flow) -> list[Column]:
    return [
        Column(f"{one.at:%H:%M}", one.placed, one.unfilled, flow.since is None or one.at >= flow.since) for one in bins
    ]


def _outcomes(flow: Flow) -> SafeString:
    most = max(flow.outcomes.values(), default=1)
    # Outcomes are read after what was placed: an order that came in between is among them alone.
    rows = [
        (outcome.replace("_", " "), f"{count:,}", f"{100 * count / max(flow.placed, count):.2f} %", bar(count / most))
        for outcome, count in flow.outcomes.items()
    ]
    return table(("outcome", "orders", "of those placed", ""), rows)


def _step_times(steps: list[StepTime]) -> SafeString:
    rows = [(one.step, f"{one.measured:,}", in_words(one.p50_ms), in_words(one.p99_ms)) for one in steps]
    return table(("step", "count", "p50", "p99"), rows)


def _queues(queues: list[Queue]) -> SafeString:
    rows = [
        (
            one.stage,
            f"{one.due:,}{' or more' if one.due >= MOST_DUE else ''}",
            "–" if one.oldest_s is None else in_words(one.oldest_s * 1000),
        )
        for one in queues
    ]
    return table(("stage", "due", "oldest waits"), rows)


admin.site.index_template = TEMPLATE
admin.site.index = index  # type: ignore[method-assign]
