"""Columns of text for terminals and pipes: numbers to the right, nothing cut, nothing wrapped."""

from collections.abc import Iterator, Sequence

GAP = "  "


def columns(rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset(), indent: str = "") -> Iterator[str]:
    """The rows as lines; `numbers` are the columns that are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if number in numbers else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield (indent + GAP.join(cells)).rstrip()
