"""The page on adding an order type can be followed to the letter."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dex.testing.pages import ROOT, follow, steps_of

PAGE = ROOT / "docs/adding-an-order-type.md"


def test_the_page_adds_a_type_that_the_contract_tests_accept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a database of its own: the one that this test may use is taken by the tests around it."""
    url = urlsplit(os.environ["DATABASE_URL"])
    monkeypatch.setenv("DATABASE_URL", url._replace(path=f"{url.path}_page").geturl())

    (written,) = follow(PAGE, tmp_path)

    passed = re.search(r"^(\d+) passed, \d+ deselected in ", written, re.MULTILINE)
    assert passed is not None, written
    assert int(passed[1]) > 30


def test_it_writes_one_file_and_changes_only_the_registry_and_the_docs() -> None:
    changed = {(step.language, step.path) for step in steps_of(PAGE) if step.path}

    assert changed == {
        ("python", "orders/order_types/delayed.py"),
        ("diff", "orders/order_types/__init__.py"),
        ("diff", "docs/order-types.md"),
    }
