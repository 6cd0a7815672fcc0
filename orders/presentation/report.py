"""The public form of a report: rows of sums, as JSON and as CSV. Pure."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from dex import Side
from orders.amounts import format_units
from orders.event_log.event import timestamp
from orders.measures import share_bps
from orders.presentation.amounts import bps
from orders.shapes import Field, Shape, choice, integer, text, texts, time

VENUE = "venue"


class Asked(NamedTuple):
    """What a report is of; the empty ones narrow nothing."""

    group_by: str
    created_after: datetime | None = None
    created_before: datetime | None = None
    pair: tuple[str, str] | None = None
    token_in: str | None = None
    token_out: str | None = None


class RowKey(NamedTuple):
    """What the orders of a row share. By venue the tokens are those of its swaps, and there is no `side`."""

    group: str | None
    chain: str
    token_in: str
    token_out: str
    side: str | None


@dataclass(slots=True)
class Row:
    """Sums by name, in atoms or as counts. The exponents of tokens that are not registered any more are None."""

    key: RowKey
    sums: dict[str, int]
    decimals_in: int | None = None
    decimals_out: int | None = None
    native_token: str | None = None
    native_decimals: int | None = None

    @property
    def decimals(self) -> int | None:
        """The exponent of what costs are counted in."""
        return self.decimals_out if self.key.side == Side.EXACT_IN else self.decimals_in


@dataclass(slots=True)
class Report:
    """Rows by group, and totals: the same without groups. Orders of `archived` months are in part not in it."""

    asked: Asked
    rows: list[Row] = field(default_factory=list)
    totals: list[Row] = field(default_factory=list)
    archived: list[date] = field(default_factory=list)


def _sum(name: str, decimals: Callable[[Row], int | None], about: str) -> dict[str, Field[Row]]:
    """A sum in token units, and in atoms."""

    def in_units(row: Row) -> str | None:
        exponent = decimals(row)
        return None if exponent is None else format_units(row.sums[name], exponent)

    return {
        name: text(in_units, f"{about} Token units; null: the token is not registered any more.", null=True),
        f"{name}_raw": text(lambda row: str(row.sums[name]), "Atoms."),
    }


def _count(name: str, about: str) -> Field[Row]:
    return integer(lambda row: row.sums[name], about)


_OF: dict[str, Field[Row]] = {
    "group": text(
        lambda row: row.key.group,
        "As `group_by` says; null in totals, and for orders that no key has placed.",
        null=True,
    ),
    "chain": text(lambda row: row.key.chain),
    "token_in": text(lambda row: row.key.token_in),
    "token_out": text(lambda row: row.key.token_out),
}
_AMOUNTS = {
    **_sum("amount_in", lambda row: row.decimals_in, "Executed."),
    **_sum("amount_out", lambda row: row.decimals_out, "Executed."),
}
ROW = Shape[Row](
    "ReportRowShape",
    "Sums over orders of one group, pair and side. Costs are in `cost_token`: positive is lost.",
    {
        **_OF,
        "side": choice(Side, lambda row: row.key.side),
        "cost_token": text(lambda row: row.key.token_out if row.key.side == Side.EXACT_IN else row.key.token_in),
        "orders": _count("orders", "Without parents: their children are counted."),
        "filled": _count("filled", "Of these."),
        "failed": _count("failed", "Of these."),
        "open": _count("open", "Of these: not ended yet."),
        **_AMOUNTS,
        **_sum("quoted_amount", lambda row: row.decimals, "Of filled orders, as last quoted, in `cost_token`."),
        **_sum("executed_amount", lambda row: row.decimals, "Of filled orders, in `cost_token`."),
        **_sum("vs_quote", lambda row: row.decimals, "Their cost against their quotes."),
        "vs_quote_bps": bps(lambda row: share_bps(row.sums["vs_quote"], row.sums["quoted_amount"]), null=True),
        "measured": _count("measured", "Filled orders whose arrival is known: the next sums are theirs."),
        **_sum("arrival_amount", lambda row: row.decimals, "Their amounts at the mid prices of their first quotes."),
        **_sum("vs_arrival", lambda row: row.decimals, "Their implementation shortfall."),
        "vs_arrival_bps": bps(lambda row: share_bps(row.sums["vs_arrival"], row.sums["arrival_amount"]), null=True),
        "compared": _count("compared", "Filled orders whose best single venue is known: the next sums are theirs."),
        **_sum("compared_amount", lambda row: row.decimals, "As last quoted."),
        **_sum("saved", lambda row: row.decimals, "Quoted better than the best venue alone by; positive is gained."),
        "saved_bps": bps(lambda row: share_bps(row.sums["saved"], row.sums["compared_amount"]), null=True),
        "network_fee_token": text(lambda row: row.native_token, "The chain's own token.", null=True),
        **_sum("network_fee", lambda row: row.native_decimals, "Paid, by orders that failed too."),
    },
)
VENUE_ROW = Shape[Row](
    "VenueReportRowShape",
    "Sums over executed swaps through one venue, from one token to another.",
    {
        **_OF,
        "orders": integer(
            lambda row: None if row.key.group is None else row.sums["orders"], "Null in totals.", null=True
        ),
        "swaps": _count("swaps", "Executed."),
        **_AMOUNTS,
    },
)
# Both have these: a report's answer is one of two.
_HEAD: Mapping[str, Field[Report]] = {
    "group_by": text(lambda report: report.asked.group_by),
    "created_after": time(
        lambda report: report.asked.created_after and timestamp(report.asked.created_after), null=True
    ),
    "created_before": time(lambda report: _shown(report.asked.created_before), null=True),
    "archived_months": texts(lambda report: [f"{month:%Y-%m}" for month in report.archived]),
}


def _shown(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


def row_shape(group_by: str) -> Shape[Row]:
    """Of the rows of a report."""
    return VENUE_ROW if group_by == VENUE else ROW


def _rows(read: Callable[[Report], list[Row]], about: str) -> Field[Report]:
    """A list of rows, which have one of two shapes."""
    schema = {"type": "array", "items": {"oneOf": [ROW, VENUE_ROW]}, "description": about}
    return Field(schema, lambda report: [row_shape(report.asked.group_by).render(row) for row in read(report)])


REPORT = Shape[Report](
    "ReportShape",
    "Sums over the caller's orders; orders in archive files are not in it, `archived_months` says of which months.",
    {
        **_HEAD,
        "results": _rows(lambda report: report.rows, "By venue rows of swaps, else rows of orders."),
        "totals": _rows(lambda report: report.totals, "The same over all groups."),
    },
)


def json_parts(report: Report) -> Iterator[str]:
    """The report as parts of one JSON text: as many rows as there are, one at a time."""
    head = {name: read(report) for name, (_, read, _) in _HEAD.items() if read is not None}
    yield json.dumps(head, separators=(",", ":"))[:-1]
    shape = row_shape(report.asked.group_by)
    for name, rows in (("results", report.rows), ("totals", report.totals)):
        yield f',"{name}":['
        for number, row in enumerate(rows):
            yield ("," if number else "") + json.dumps(shape.render(row), separators=(",", ":"))
        yield "]"
    yield "}"


def csv_parts(report: Report) -> Iterator[str]:
    """The same as CSV (RFC 4180): a line of names, the rows, then the totals, whose first field is `total`."""
    shape = row_shape(report.asked.group_by)
    yield csv_line(("row", *shape.fields))
    for kind, rows in (("group", report.rows), ("total", report.totals)):
        for row in rows:
            yield csv_line((kind, *shape.render(row).values()))


def csv_line(values: Iterable[Any]) -> str:
    """One line; null is empty. Text that a spreadsheet would take for a formula is marked as text."""
    line = io.StringIO()
    csv.writer(line).writerow([csv_cell(value) for value in values])
    return line.getvalue()


def csv_cell(value: Any) -> str:
    """A field's text. Numbers are left alone; other text that begins as a formula does gets an apostrophe in front."""
    if value is None:
        return ""
    shown = str(value)
    return f"'{shown}" if shown.startswith(_FORMULA) and not _is_number(shown) else shown


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _is_number(shown: str) -> bool:
    digits = shown.removeprefix("-")
    return bool(digits) and digits.isascii() and digits.replace(".", "", 1).isdecimal()
