"""How orders look on a terminal: a live table, plain lines when piped, JSON on demand."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from orders.amounts import grouped
from orders.cli.short_ids import short
from orders.presentation.routes import venue_title

STYLES = {"CONFIRMED": "green", "FAILED": "red"}


@dataclass(slots=True)
class Row:
    """One order as it is watched."""

    number: int
    order: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    # What it waits for, in words, where it is not followed to its end.
    waits: str = ""

    @property
    def status(self) -> str:
        """Status of the last event."""
        return str(self.events[-1]["status"]) if self.events else str(self.order["status"])

    @property
    def outcome(self) -> str | None:
        """Outcome of the last event."""
        return self.events[-1]["outcome"] if self.events else None

    @property
    def swap(self) -> str:
        """What is given, for what."""
        limit = self.order.get("limit_price")
        at = f" @ {grouped(limit)}" if limit else ""
        return f"{grouped(self.order['amount'])} {self.order['token_in']} → {self.order['token_out']}{at}"

    def cells(self) -> list[str]:
        """#, order, swap, status, route, got, network fee, saved, vs quote, took."""
        return [
            str(self.number),
            short(str(self.order["id"])),
            self.swap,
            self.status if self.outcome in (None, "filled") else f"{self.status} {self.outcome}",
            self._route(),
            self._got(),
            self._fee(),
            self._saved(),
            self._vs_quote(),
            f"{sum(event['took_ms'] for event in self.events):,} ms" if self.events else "",
        ]

    def _route(self) -> str:
        if self.waits:
            return self.waits
        if self.status == "FAILED":
            attempts = self.events[-1]["attempt"]
            return f"{self.outcome}, {attempts} attempts" if attempts > 1 else str(self.outcome)
        routed = self._routed()
        return _legs(routed["route"]) if routed else ""

    def _got(self) -> str:
        if self.status != "CONFIRMED":
            return "–"
        final = self.order["final"]
        return f"{grouped(final['amount_out'], 6)} {final['token_out']}"

    def _fee(self) -> str:
        """What its transactions have cost so far."""
        paid = [event["data"]["network_fee_paid"] for event in self.events if "network_fee_paid" in event["data"]]
        return f"{grouped(paid[-1]['amount'], 6)} {paid[-1]['token']}" if paid else ""

    def _saved(self) -> str:
        """Against the best venue alone."""
        routed = self._routed()
        saved = routed.get("saved_bps") if self.status == "CONFIRMED" else None
        return "" if saved is None else f"{Decimal(saved):.1f} bp"

    def _routed(self) -> dict[str, Any]:
        """The facts of the last routing, empty before it."""
        routed: list[dict[str, Any]] = [event["data"] for event in self.events if event["data"].get("route")]
        return routed[-1] if routed else {}

    def _vs_quote(self) -> str:
        """How much better it was executed; empty for a parent: its children were quoted, each at its time."""
        data = self.events[-1]["data"] if self.status == "CONFIRMED" else {}
        if "quoted_amount_out_raw" not in data:
            return ""
        more, less = "amount_out_raw", "quoted_amount_out_raw"
        if self.order.get("side") == "exact_out":
            more, less = "quoted_amount_in_raw", "amount_in_raw"
        bps = (Decimal(data[more]) / Decimal(data[less]) - 1) * 10_000
        return f"{bps:+.1f} bp".replace("-", "−").replace("+0.0", "0.0")


def failure_sentence(row: Row) -> str:
    """Why a watched order failed, and what to do next."""
    failure = row.events[-1]["data"].get("failure", {}) if row.events else {}
    parts = [f"order {row.order['id']} ended as {row.outcome}: {failure.get('detail', '')}".rstrip(": ")]
    if failure.get("try"):
        parts.append(f"Next: {failure['try']}")
    return ". ".join(part.rstrip(".") for part in parts)


HEADINGS = ("#", "order", "swap", "status", "route", "got", "fee", "saved", "vs quote", "took")
NUMBERS = frozenset({"#", "got", "fee", "saved", "vs quote", "took"})
LEGS_SHOWN = 2
# Columns of the terminal from which on there is room for these beside the others, none of which may be cut.
ROOM_NEEDED = {"route": 100, "saved": 120, "vs quote": 120, "fee": 136}


def _legs(legs: list[dict[str, Any]]) -> str:
    """The largest legs with their shares, and how many more there are."""
    if len(legs) == 1:
        return _leg(legs[0])
    largest = sorted(legs, key=lambda leg: -Decimal(leg["share"]))
    shown = [f"{Decimal(leg['share']):.0%} {_leg(leg)}" for leg in largest[:LEGS_SHOWN]]
    more = [f"{len(legs) - LEGS_SHOWN} more"] if len(legs) > LEGS_SHOWN else []
    return " + ".join(shown + more)


def _leg(leg: dict[str, Any]) -> str:
    hops = leg["hops"]
    venues = list(dict.fromkeys(venue_title(hop["venue"]) for hop in hops))
    via = " via " + ", ".join(hop["token_out"] for hop in hops[:-1]) if len(hops) > 1 else ""
    return "+".join(venues) + via


def table(rows: list[Row], title: str, width: int) -> Table:
    """All rows as they stand, in the columns that a terminal of this width has room for."""
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    shown = [index for index, heading in enumerate(HEADINGS) if width >= ROOM_NEEDED.get(heading, 0)]
    for heading in (HEADINGS[index] for index in shown):
        justify: Literal["left", "right"] = "right" if heading in NUMBERS else "left"
        drawn.add_column(heading, justify=justify, no_wrap=heading != "route")
    for row in rows:
        cells: list[str | Text] = list(row.cells())
        cells[3] = Text(row.cells()[3], style=STYLES.get(row.status, "yellow"))
        drawn.add_row(*(cells[index] for index in shown))
    return drawn


def line(row: Row, event: dict[str, Any]) -> str:
    """One event for logs and pipes."""
    swap = row.cells()[2]
    told = event["data"]
    more = f" {event['outcome']}" if event["outcome"] else ""
    if "retry" in told:
        more += f" again: {told['retry']['code']}"
    if told.get("cancel_requested"):
        more += " cancel requested"
    if paid := told.get("network_fee_paid"):
        more += f" network fee {grouped(paid['amount'])} {paid['token']}"
    if "failure" in told:
        more += f" ({told['failure']['detail']})"
    return f"{row.number} {row.order['id']} {swap}  {event['seq']} {event['status']}{more} {event['took_ms']} ms"


def waiting_line(row: Row) -> str:
    """An order that is not followed to its end."""
    return f"{row.number} {row.order['id']} {row.swap}  {row.status} {row.waits}"


def json_line(event: dict[str, Any]) -> str:
    """One event for programs."""
    return json.dumps(event, separators=(",", ":"))


def summary(rows: list[Row]) -> str:
    """How many ended how."""
    counts = {word: sum(row.status == word for row in rows) for word in ("CONFIRMED", "FAILED")}
    waiting = len(rows) - sum(counts.values())
    parts = [f"{counts['CONFIRMED']} confirmed", f"{counts['FAILED']} failed"]
    return " · ".join([*parts, f"{waiting} waiting"] if waiting else parts)
