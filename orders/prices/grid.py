"""Which buckets a chart is made of: of stored prices, and of an answer. Whole seconds since 1970. Pure."""

from typing import NamedTuple


class Span(NamedTuple):
    """Stored buckets of one width, and for how long they are kept."""

    width_s: int
    kept_s: int


# Each width is a multiple of the one before and kept for longer, so that any time has buckets of some width.
SPANS = (Span(15, 3 * 3_600), Span(300, 8 * 86_400), Span(14_400, 400 * 86_400))
# Points of an answer.
MOST_POINTS, POINTS = 300, 200


class Grid(NamedTuple):
    """An answer's buckets: `width_s` wide, from `start_s` on, up to `end_s`, which need not be the end of one.

    `span_s` is the width of the stored buckets that they are made of, whole ones each.
    """

    span_s: int
    width_s: int
    start_s: int
    end_s: int

    @property
    def buckets(self) -> int:
        """How many buckets there are."""
        return -(-(self.end_s - self.start_s) // self.width_s)


def grid(after_s: int, before_s: int, points: int, now_s: int) -> Grid:
    """At most `points` buckets that hold all from `after_s` up to and without `before_s`, which is later.

    The first one begins at a multiple of the width, so that buckets stay where they are as time goes on.
    """
    spans = [span for span in SPANS if span.kept_s >= now_s - after_s] or SPANS[-1:]
    # The widest that is no wider than need be reads the fewest rows.
    fitting = [span for span in spans if span.width_s * points <= before_s - after_s]
    span_s = (fitting[-1] if fitting else spans[0]).width_s
    width_s = span_s * max(1, -(-(before_s - after_s) // (points * span_s)))
    while (made := Grid(span_s, width_s, after_s // width_s * width_s, before_s)).buckets > points:
        width_s += span_s
    return made
