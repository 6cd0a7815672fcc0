"""Line plots as SVG files: axes, one line a series, a legend. Small enough not to need a plotting library."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 44, 52
# Values that span more than this many times their least are drawn by their logarithm.
WIDE = 50
# Told apart by people who do not see red and green, too; each with a dash of its own.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "")
TICKS = 5

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels: `low` is drawn at `start`, `high` at `end`. Logarithmic where values span decades."""

    label: str
    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        scale = math.log10 if self.is_log else float
        low, high = scale(self.low), scale(self.high)
        share = (scale(value) - low) / (high - low) if high > low else 0.0
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values within the axis: powers of ten, or about five steps of 1, 2 or 5."""
        if self.is_log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        step = nice_step((self.high - self.low) / TICKS)
        first = math.ceil(self.low / step)
        return [step * number for number in range(first, math.floor(self.high / step) + 1)]


def axis(label: str, values: Sequence[float], start: float, end: float, *, from_nothing: bool = False) -> Axis:
    """An axis for these values, over whole decades where they are far apart."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low > 0 and high >= WIDE * low:
        return Axis(
            label, 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)), start, end, is_log=True
        )
    if from_nothing:
        low, high = 0.0, max(high * 1.05, 1e-9)
    return Axis(label, low, high, start, end)


def nice_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def plot(title: str, x_label: str, y_label: str, lines: Mapping[str, Points]) -> str:
    """The file's text."""
    points = [point for line in lines.values() for point in line]
    x_axis = axis(x_label, [x for x, _ in points], LEFT, WIDTH - RIGHT)
    # From nothing, so that heights compare as values do.
    y_axis = axis(y_label, [y for _, y in points], HEIGHT - BOTTOM, TOP, from_nothing=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(WIDTH / 2, 18, title, "middle", size=14),
        *_grid(x_axis, y_axis),
    ]
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(number, name, sorted(line), x_axis, y_axis)
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 12, turned: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{turn}>{escape(text)}</text>'


def _grid(x_axis: Axis, y_axis: Axis) -> list[str]:
    lines = []
    for value in y_axis.ticks():
        y = y_axis.at(value)
        lines.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        lines.append(_text(LEFT - 6, y + 4, f"{value:,g}", "end"))
    for value in x_axis.ticks():
        x = x_axis.at(value)
        lines.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        lines.append(_text(x, HEIGHT - BOTTOM + 16, f"{value:,g}", "middle"))
    lines.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_axis.label, "middle"))
    lines.append(_text(16, (TOP + HEIGHT - BOTTOM) / 2, y_axis.label, "middle", turned=True))
    return lines


def _line(number: int, name: str, points: Points, x_axis: Axis, y_axis: Axis) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    dash = f' stroke-dasharray="{DASHES[number % len(DASHES)]}"' if DASHES[number % len(DASHES)] else ""
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    legend_x, legend_y = LEFT + 10 + 130 * number, 34
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>',
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places),
        f'<path d="M{legend_x} {legend_y - 4}h22" stroke="{colour}" stroke-width="2"{dash}/>',
        _text(legend_x + 28, legend_y, name, "start"),
    ]
