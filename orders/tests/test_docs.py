"""What the docs list and what the code does are the same."""

import re
from pathlib import Path

from orders.problems import KINDS
from orders.states import TRANSITIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(name: str) -> list[list[str]]:
    """The cells of every table row of a page, without header and ruler rows."""
    lines = [line for line in (DOCS / name).read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]


def test_every_error_code_has_its_line_with_its_status() -> None:
    listed = {row[0].strip("`"): int(row[1]) for row in rows("errors.md") if row[0].startswith("`")}

    assert listed == {code: kind.status for code, kind in KINDS.items()}


def test_every_transition_has_its_line() -> None:
    listed = [(row[0], row[1]) for row in rows("states.md") if row[0] in set(TRANSITIONS)]

    assert sorted(listed) == sorted((source, target) for source, targets in TRANSITIONS.items() for target in targets)
