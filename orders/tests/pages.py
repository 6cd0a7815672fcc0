"""Tables of the documents, for tests that compare them with the code."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(name: str) -> list[list[str]]:
    """The cells of every table row of a page, without header and ruler rows."""
    lines = [line for line in (DOCS / name).read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]
