"""What contributors are given is whole: the licence, the issue forms, and every path that a document names."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
# The changelog tells of files as they were.
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", ".github/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "changelog.md"
)
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
ELEMENTS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def named_paths(text: str) -> set[str]:
    """Paths from the top of the repository, in backticks or commands; `<name>` stands for a name of the reader's."""
    path = r"((?:orders|dex|orderengine|client|docs|benchmarks|\.github|\.ci)/[^`\s\"]*)"
    return {*re.findall(f"`{path}`", text), *re.findall(f'ARGS="{path}', text)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    missing = []
    for path in named_paths(document.read_text()):
        pattern = re.sub(r"<[^>]*>", "*", path.split("::")[0].rstrip("/"))
        if not any(ROOT.glob(pattern)):
            missing.append(path)

    assert missing == []


def test_every_module_that_a_comment_names_exists() -> None:
    """By its name or the end of its path, as `pipeline/claim.py`."""
    paths = [path for name in ("orders", "dex", "orderengine", "benchmarks") for path in (ROOT / name).glob("**/*.py")]
    known = [f"/{path.relative_to(ROOT).as_posix()}" for path in [*paths, ROOT / "manage.py", ROOT / "conftest.py"]]
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        if not {"tests", "migrations"} & {*path.parts}
        for name in re.findall(r"(?<![\w./{])[\w/]*[a-z]\w*\.py\b", path.read_text())
        if not any(one.endswith(f"/{name.lstrip('/')}") for one in known)
    ]

    assert len(paths) > 500
    assert missing == []


@pytest.mark.parametrize("package", ["orders", "dex", "orderengine"])
def test_the_architecture_says_what_each_folder_is_for(package: str) -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    tables = text[text.index("## The folders") : text.index("## Layers and contracts")]
    inner = {"tests", "commands", "vectors", "__pycache__"}
    folders = [
        folder.relative_to(ROOT).as_posix()
        for folder in (ROOT / package).glob("**/")
        if any(folder.glob("*.py")) and not inner & set(folder.relative_to(ROOT / package).parts)
    ]

    assert len(folders) > 5
    assert [folder for folder in folders if folder != package and f"`{folder}/`" not in tables] == []


def test_the_architecture_names_every_import_contract_and_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    text = (ROOT / "docs/architecture.md").read_text()
    section = text[text.index("## Layers and contracts") : text.index("Other rules that no import shows:")]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
    listed = section.split("```")[1].splitlines()[1:]
    rooms = next(contract for contract in contracts if contract.get("containers") == ["orders"])

    assert rows[1:] == [contract["name"] for contract in contracts]
    assert listed == rooms["layers"]


def test_the_licence_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (
        (ROOT / "LICENSE")
        .read_text()
        .startswith("ISC License\n\nCopyright (c) 2026 The Order Execution Engine authors\n")
    )
    assert (ROOT / "client/LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert project["license"] == "ISC"
    assert project["license-files"] == ["LICENSE"]
    assert "[ISC](LICENSE)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("form", [form for form in FORMS if form.name != "config.yml"], ids=lambda path: path.name)
def test_an_issue_form_is_one_that_github_shows(form: Path) -> None:
    """A form with a mistake is left out of the page in silence."""
    content: dict[str, Any] = yaml.safe_load(form.read_text())
    body: list[dict[str, Any]] = content["body"]
    ids = [element["id"] for element in body if element["type"] != "markdown"]

    assert {"name", "description", "body"} <= content.keys()
    assert {element["type"] for element in body} <= ELEMENTS
    assert len(ids) == len(set(ids))
    for element in body:
        attributes = element["attributes"]
        assert attributes["value" if element["type"] == "markdown" else "label"]
        assert ("options" in attributes) == (element["type"] in {"dropdown", "checkboxes"})
        assert set(element) <= {"type", "id", "attributes", "validations"}


def test_every_hook_is_a_part_of_make_check_and_downloads_nothing() -> None:
    """A commit that the hooks accept does not fail in CI for what they look at."""
    config: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    check = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert check
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"] for hook in hooks] == [
        f"make --silent {target}" for target in re.findall(r"\bcheck-\w+", check[1]) if target != "check-django"
    ]
