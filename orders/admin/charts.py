"""Small charts for admin pages, as SVG that the server draws: no script, no style of their own, light and dark.

Colours and sizes of letters are classes of `orders/static/orders/admin.css`. Each chart has a title and a description
for screen readers; the page has the numbers beside it or below it. Words are escaped; floats place pixels alone.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 360, 132
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 8, 20
ROW, LABELS = 26, 132


class Column(NamedTuple):
    """One column of a chart over time: how many in all, and how many of them belong to the marked part.

    `is_whole` is False where not all were counted.
    """

    label: str
    whole: int
    marked: int = 0
    is_whole: bool = True


class Span(NamedTuple):
    """One row of a chart of times, in milliseconds: the middle one, and what only one of a hundred exceeds."""

    label: str
    p50_ms: int
    p99_ms: int


def columns(name: str, title: str, shown: Sequence[Column], label_every: int) -> SafeString:
    """Columns over time, the marked part at the foot of each with a pattern. `name` is unique in the page."""
    top = nice(max((column.whole for column in shown), default=0))
    room, height = (WIDTH - LEFT - RIGHT) / len(shown), HEIGHT - TOP - BOTTOM
    ground = TOP + height
    drawn = [
        (LEFT + i * room + room * 0.1, room * 0.8, height * column.whole / top, height * column.marked / top, column)
        for i, column in enumerate(shown)
    ]
    bars = format_html_join(
        "",
        '<g><title>{}</title><rect class="plain" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect class="marked" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect fill="url(#{}-hatch)" x="{}" y="{}" width="{}" height="{}"/></g>',
        (
            (
                f"{column.label}: {column.whole:,}, marked {column.marked:,}",
                *_box(x, ground - whole, width, whole - part),
                *_box(x, ground - part, width, part),
                name,
                *_box(x, ground - part, width, part),
            )
            for x, width, whole, part, column in drawn
            if column.whole
        ),
    )
    gaps = format_html_join(
        "",
        '<rect class="gap" x="{}" y="{}" width="{}" height="{}"><title>{}: not all counted</title></rect>',
        (
            (*_box(LEFT + i * room, TOP, room, height), column.label)
            for i, column in enumerate(shown)
            if not column.is_whole
        ),
    )
    ticks = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (f"{x + width / 2:.1f}", HEIGHT - 6, column.label)
            for i, (x, width, _, _, column) in enumerate(drawn)
            if i % label_every == label_every // 2
        ),
    )
    lines = format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (LEFT, WIDTH - RIGHT, f"{y:.1f}", f"{y:.1f}", LEFT - 4, f"{y + 4:.1f}", f"{value:,}")
            for value, y in ((value, ground - height * value / top) for value in _marks(top))
        ),
    )
    total, marked = sum(column.whole for column in shown), sum(column.marked for column in shown)
    hatch = format_html(
        '<defs><pattern id="{}-hatch" width="4" height="4" patternUnits="userSpaceOnUse">'
        '<path class="hatch" d="M0,4 l4,-4"/></pattern></defs>',
        name,
    )
    said = f"{total:,} in all, {marked:,} of them marked."
    return _picture(name, title, said, HEIGHT, hatch + gaps + lines + bars + ticks)


def spans(name: str, title: str, shown: Sequence[Span]) -> SafeString:
    """A line for each row from its middle value to its 99th percentile, on a scale of powers of ten."""
    most = max(10, *(row.p99_ms for row in shown)) if shown else 10
    powers = math.ceil(math.log10(most))
    room = WIDTH - LABELS - RIGHT - 20
    height = TOP + ROW * len(shown) + BOTTOM

    def place(ms: int) -> float:
        return LABELS + room * math.log10(max(1, ms)) / powers

    lines = format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (f"{place(10**power):.1f}", f"{place(10**power):.1f}", TOP, height - BOTTOM,
             f"{place(10**power):.1f}", height - 6, in_words(10**power))
            for power in range(0, powers + 1, 1 + powers // 6)
        ),
    )  # fmt: skip
    rows = format_html_join(
        "",
        '<g><title>{}</title><text x="{}" y="{}" text-anchor="end">{}</text>'
        '<line class="span" x1="{}" x2="{}" y1="{}" y2="{}"/><circle class="plain" cx="{}" cy="{}" r="5"/>'
        '<rect class="end" x="{}" y="{}" width="3" height="12"/></g>',
        (
            (
                f"{row.label}: half within {in_words(row.p50_ms)}, 99 of 100 within {in_words(row.p99_ms)}",
                *(LABELS - 8, f"{y + 4:.1f}", row.label),
                *(f"{place(row.p50_ms):.1f}", f"{place(row.p99_ms):.1f}", f"{y:.1f}", f"{y:.1f}"),
                *(f"{place(row.p50_ms):.1f}", f"{y:.1f}", f"{place(row.p99_ms) - 1.5:.1f}", f"{y - 6:.1f}"),
            )
            for y, row in ((TOP + ROW * (i + 0.5), row) for i, row in enumerate(shown))
        ),
    )
    said = " ".join(f"{row.label}: {in_words(row.p50_ms)}, {in_words(row.p99_ms)}." for row in shown)
    return _picture(name, title, said, height, lines + rows)


def bar(share: float) -> SafeString:
    """A bar for a row of a table, whose number the row has."""
    return format_html(
        '<svg class="chart bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="marked" width="{}" height="8"/></svg>',
        f"{100 * share:.1f}",
    )


def in_words(ms: float) -> str:
    """A time with its unit, to two or three digits."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms >= size:
            count = ms / size
            return f"{count:.0f} {unit}" if count >= 10 or count == int(count) else f"{count:.1f} {unit}"
    return f"{ms:.0f} ms"


def nice(most: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 and so on that is not below."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= most:
                return step * power
        power *= 10


def _marks(top: int) -> list[int]:
    return [0, top // 2, top] if top % 2 == 0 else [0, top]


def _box(x: float, y: float, width: float, height: float) -> tuple[str, str, str, str]:
    return f"{x:.1f}", f"{y:.1f}", f"{width:.1f}", f"{height:.1f}"


def _picture(name: str, title: str, said: str, height: int, body: SafeString) -> SafeString:
    return format_html(
        '<svg class="chart" role="img" aria-labelledby="{0}-title {0}-desc" viewBox="0 0 {1} {2}">'
        '<title id="{0}-title">{3}</title><desc id="{0}-desc">{4}</desc>{5}</svg>',
        *(name, WIDTH, height, title, said, body),
    )
