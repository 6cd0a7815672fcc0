"""axe-core: rules of accessibility that a program can judge, run on a page as it stands."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from orderengine.tests.e2e.desk import NARROW, WIDE
from orderengine.tests.npm import NpmError, install

SOURCES = Path(__file__).parent / "axe"
# Rows are made alike: those at the top speak for all, and sixty take seconds.
RUN = """async ([only, leftOut]) => (await axe.run(
  { exclude: ['#rows tr:nth-child(n+9)', ...leftOut].map((each) => [each]) },
  { resultTypes: ['violations'], ...(only ? { runOnly: only } : {}) },
)).violations"""
# The admin's links fade from one colour to the other.
SETTLED = """() => Promise.all(document.getAnimations().filter((each) => each instanceof CSSTransition)
  .map(({ finished }) => finished.catch(() => null)))"""
# What colours can break; the other rules are about what does not change with them.
OF_COLOURS = ["color-contrast", "link-in-text-block"]


def axe_source(folder: Path) -> str:
    """Its script, installed into the folder when it is first needed. Raises: SystemExit with the way out."""
    try:
        return (install(SOURCES, folder) / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    except NpmError as error:
        raise SystemExit(f"error: axe-core is needed: {error}.\n  Way out: install Node.js with npm.") from error


def violations(page: Page, axe: str, *, left_out: tuple[str, ...] = ()) -> list[str]:
    """What the page breaks now, by rule and element, at both widths, in light and dark; it is left wide and light.

    What the selectors of `left_out` name is not looked at.

    The debugger evaluates the script, which the page's policy does not concern: the policy stays on.
    """
    page.evaluate(f"{axe};0")
    found = []
    for width in (NARROW, WIDE):
        page.set_viewport_size(width)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(SETTLED)
            result: list[dict[str, Any]] = page.evaluate(RUN, [OF_COLOURS if scheme == "dark" else None, [*left_out]])
            found += [
                f"{width['width']} {scheme} {each['id']}: {node['target']} {node.get('failureSummary', '')}"
                for each in result
                for node in each["nodes"]
            ]
    return found
