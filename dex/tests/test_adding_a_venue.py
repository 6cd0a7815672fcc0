"""The page on adding a venue can be followed to the letter."""

import re
from pathlib import Path

import pytest

from dex.testing.pages import ROOT, PageError, Step, follow, steps_of

PAGE = ROOT / "docs/adding-a-venue.md"


def test_the_page_adds_a_venue_that_the_contract_tests_accept(tmp_path: Path) -> None:
    (written,) = follow(PAGE, tmp_path)

    passed = re.search(r"(\d+) passed", written)
    assert passed is not None
    assert int(passed[1]) > 30
    assert "failed" not in written


def test_it_writes_one_file_and_changes_only_registries_and_the_market() -> None:
    written = [step.path for step in steps_of(PAGE) if step.language == "python"]
    changed = {step.path for step in steps_of(PAGE) if step.language == "diff"}

    assert written == ["dex/pools/kinds/outswap.py"]
    assert changed == {"dex/pools/__init__.py", "dex/venues.py", "dex/chains/simulated/market.json"}


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```python dex/venues.py\n```", "dex/venues.py exists already"),
        ("```diff dex/venues.py\n a line that is not there\n+another\n```", "has these lines 0 times"),
        ('```sh\nmake test ARGS="--no-such-option"\n```', "ended with 4"),
        ("```sh\nmake coffee\n```", "only `make test`"),
    ],
)
def test_a_page_that_cannot_be_followed_is_refused(tmp_path: Path, block: str, complaint: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}\n")

    with pytest.raises(PageError, match=complaint):
        follow(page, tmp_path / "tree")


def test_blocks_without_a_path_are_illustrations(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```json a.json\n{}\n```\n\n```sh\nmake\n```\n")

    assert steps_of(page) == [Step("json", "a.json", "{}\n"), Step("sh", None, "make\n")]
