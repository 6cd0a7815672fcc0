"""The page on adding a chain can be followed to the letter."""

import re
from pathlib import Path

from dex.testing.pages import ROOT, follow, steps_of

PAGE = ROOT / "docs/adding-a-chain.md"
# What only some chains can do, which Toy leaves out.
SKIPPED = 5


def test_the_page_adds_a_chain_that_the_contract_tests_accept(tmp_path: Path) -> None:
    (written,) = follow(PAGE, tmp_path)

    passed, skipped = re.search(r"(\d+) passed", written), re.search(r"(\d+) skipped", written)
    assert passed is not None
    assert int(passed[1]) >= 20, written
    assert skipped is not None
    assert int(skipped[1]) == SKIPPED, written
    assert "failed" not in written


def test_it_writes_one_file_and_changes_one_line_of_the_registry() -> None:
    steps = [step for step in steps_of(PAGE) if step.path is not None]
    diff = [line for step in steps if step.language == "diff" for line in step.text.splitlines()]

    assert [(step.language, step.path) for step in steps] == [
        ("python", "dex/chains/toy.py"),
        ("diff", "dex/chains/__init__.py"),
    ]
    assert [line for line in diff if line.startswith(("+", "-"))] == ['+    "toy": "dex.chains.toy",']
