"""The table for people: one line a row, figures right-aligned, what is not known as a dash."""

from collections.abc import Sequence

from benchmarks.suite.rows import Result

HEAD = ("", "ours", "peer", "", "ours/peer", "to reach (not to miss)", "")
RIGHT = {1, 2, 4}
UNKNOWN = "-"


def shown(value: float | None, digits: int = 3) -> str:
    """Three significant digits, and no fewer before the point."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def goal_of(result: Result) -> str:
    """What is asked of the row, and of which figure where that is not the ratio."""
    goal = result.row.goal
    if goal is None:
        return ""
    return f"{goal}" if result.row.of == "ratio" else f"{goal} {result.row.unit}".rstrip()


def table(results: Sequence[Result]) -> str:
    """All rows."""
    lines = [HEAD] + [
        (one.row.label, shown(one.ours), shown(one.peers), one.row.unit, shown(one.ratio), goal_of(one), one.verdict)
        for one in results
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
