"""What the docs list and what the code does are the same."""

import re
import tomllib
from pathlib import Path

from orders.problems import KINDS
from orders.states import TRANSITIONS
from orders.tests.pages import DOCS, rows


def test_every_error_code_has_its_line_with_its_status() -> None:
    listed = {row[0].strip("`"): int(row[1]) for row in rows("errors.md") if row[0].startswith("`")}

    assert listed == {code: kind.status for code, kind in KINDS.items()}


def test_every_transition_has_its_line() -> None:
    listed = [(row[0], row[1]) for row in rows("states.md") if row[0] in set(TRANSITIONS)]

    assert sorted(listed) == sorted((source, target) for source, targets in TRANSITIONS.items() for target in targets)


def test_every_dependency_has_its_line() -> None:
    """Each pin of pyproject.toml says in one line why it is there."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    pins = [*project["project"]["dependencies"], *(pin for group in groups.values() for pin in group)]
    names = {re.split(r"[\[=;]", pin)[0].strip() for pin in pins}
    listed = {name for row in rows("dependencies.md") for name in re.split(r", | and | \(", row[0])}
    stubs = {name for name in names if name.endswith("-stubs") or "types" in name}

    assert names - stubs - listed == set()


def test_every_guarantee_names_tests_that_exist() -> None:
    """A promise whose test was renamed or removed is checked by none."""
    files: dict[str, str] = {}
    for path in DOCS.parent.glob("[!.]*/**/tests/**/test_*.py"):
        files[path.name] = files.get(path.name, "") + path.read_text()
    text = (DOCS / "guarantees.md").read_text()
    named = re.findall(r"`(test_\w+\.py)?::(test_\w+)`", text)
    current, missing = "", []
    for file, name in named:
        current = file or current
        if not re.search(rf"^(?:async )?def {name}\(", files.get(current, ""), re.MULTILINE):
            missing.append(f"{current}::{name}")

    assert len(named) >= 20
    assert missing == []


def anchors(page: Path) -> set[str]:
    """What a link into a page may name: its headings, as code hosts write them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_between_pages_leads_somewhere() -> None:
    dead = []
    for page in [*DOCS.parent.glob("*.md"), *DOCS.parent.glob(".github/*.md"), *DOCS.glob("**/*.md")]:
        for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{page.name}: {path}#{anchor}")

    assert dead == []
