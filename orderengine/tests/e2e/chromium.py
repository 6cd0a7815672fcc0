"""The distribution's Chromium, driven by Playwright: nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "error: there is no Chromium on this machine.\n"
    "  Way out: install it (Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium),"
    " or name one: CHROMIUM=/path/to/chrome make e2e"
)


def find_chromium() -> str:
    """Its path: what CHROMIUM names, else the first that is installed. Raises: SystemExit with what to install."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not (found := shutil.which(named)):
            raise SystemExit(
                f"error: CHROMIUM names {named}, which cannot be run.\n  Way out: name another, or unset it."
            )
        return found
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise SystemExit(MISSING)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it without a window, and end it with the block. Raises: SystemExit where there is none."""
    path = find_chromium()
    # Root has no user namespace to lock the browser's processes into; the pages are our own.
    options = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        try:
            yield browser
        finally:
            browser.close()
