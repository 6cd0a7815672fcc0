"""The desk at `/`: who gets it, under which policy, and what it may load and weigh."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from orders.web.pages import DESK, MODULES, with_imports

# Each file compressed as a server would: what comes before the first rows, with the charts that always follow them, and
# all there is.
ROWS_BYTES = 50_000
FIRST_BYTES = 60_000
ALL_BYTES = 79_000
# Modules of charts, where floats are places in a picture.
CHARTS = {"charts.js", "chart.js"}
DRAWING = {*CHARTS, "costs.js"}
ANY_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.fixture
def desk(client: Client, settings: Any) -> Any:
    """The page as an open caller gets it; no row is read for it."""
    settings.API_IS_OPEN = True
    return client.get("/")


def first_files() -> set[str]:
    return {Path(module).name for module in MODULES}


def later() -> list[list[str]]:
    """The modules of each load() in the desk's code."""
    calls = [call for path in files() for call in re.findall(r'\bload\(("[^)]+")\)', path.read_text())]
    return [[f"{name}.js" for name in re.findall(r'"(\w+)"', call)] for call in calls]


def files() -> list[Path]:
    return sorted(path for path in DESK.iterdir() if path.is_file())


def test_the_desk_is_for_callers_to_whom_the_api_is_open(client: Client, settings: Any, desk: Any) -> None:
    page = desk.content.decode()
    assert desk.status_code == 200
    assert '<form id="ticket-form"' in page

    for address, is_open in (("192.0.2.1", True), ("127.0.0.1", False)):
        settings.API_IS_OPEN = is_open
        other = client.get("/", REMOTE_ADDR=address)
        assert other.status_code == 200
        assert "ticket-form" not in other.content.decode()
        assert "API key" in other.content.decode()


def test_the_start_page_says_live_where_orders_move_money_and_nothing_else(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_IS_OPEN = False
    for is_real in (True, False):
        monkeypatch.setattr("orders.web.pages.moves_real_money", lambda is_real=is_real: is_real)
        page = client.get("/").content.decode()
        assert ("LIVE" in page) is is_real
        assert "SIMULATED" not in page


@pytest.mark.parametrize("path", ["/", "/problems/slippage"])
def test_pages_load_nothing_but_own_files_and_run_nothing_inline(client: Client, settings: Any, path: str) -> None:
    for is_open in (True, False):
        settings.API_IS_OPEN = is_open
        answer = client.get(path)
        rules = dict(rule.split(" ", 1) for rule in answer["Content-Security-Policy"].split("; "))
        assert {name: rules[name] for name in ("default-src", "script-src", "style-src", "connect-src")} == {
            "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self' ws://testserver",
        }  # fmt: skip
        assert "unsafe" not in answer["Content-Security-Policy"]
        page = answer.content.decode()
        assert not ANY_INLINE.search(page)
        assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", page)


def test_the_page_may_not_be_kept_by_shared_caches(desk: Any) -> None:
    assert desk["Cache-Control"] == "private, no-cache"


def test_the_page_asks_for_its_first_list_itself(desk: Any) -> None:
    """By the address that its modules use: with another one it would be asked for twice."""
    window = re.search(r"^export const WINDOW = (\d+);$", (DESK / "blotter.js").read_text(), re.MULTILINE)
    assert window
    assert f'id="first-list" href="/api/v1/orders?limit={window[1]}"' in desk.content.decode()


def test_every_file_is_served_and_the_page_names_those_that_it_begins_with(client: Client, desk: Any) -> None:
    named = re.findall(r'(?:src|href)="(/static/orders/desk/[^"]+)"', desk.content.decode())

    assert {Path(name).name for name in named} == {*first_files(), "desk.css", "icon.svg"}
    for name in [f"/static/orders/desk/{path.name}" for path in files()]:
        answer = client.get(name)
        assert answer.status_code == 200, name
        kind = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}[Path(name).suffix]
        assert answer["Content-Type"].startswith(kind), name


def test_modules_import_each_other_alone_and_only_what_exists() -> None:
    texts = {f"./{path.name}": path.read_text() for path in files() if path.suffix == ".js"}
    for name, text in texts.items():
        imports = re.findall(r'^import \{ (.+) \} from "([^"]+)";$', text, re.MULTILINE)
        assert len(imports) == len(re.findall(r"^import\b", text, re.MULTILINE)), name
        assert ("import(" in text) is (name == "./api.js"), name
        for words, source in imports:
            exported = set(
                re.findall(r"^export (?:async )?(?:function|class|const) ([\w$]+)", texts[source], re.MULTILINE)
            )
            assert set(words.split(", ")) <= exported, (name, source)


def test_what_is_loaded_later_brings_along_all_that_it_imports() -> None:
    """Else the import may fail where the files asked for have come, and browsers keep that failure."""
    loads = later()
    modules = {path.name for path in files() if path.suffix == ".js"}
    assert {name for names in loads for name in names} == modules - first_files()
    for names in loads:
        missing = set(with_imports(names[0])) - first_files() - set(names)
        # Charts that come later are drawn by what the first one has brought.
        assert missing <= (CHARTS if names[0] == "costs.js" else set()), names


def test_no_text_becomes_markup_or_code() -> None:
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\([\"']style"
    )
    for path in files():
        assert not banned.search(path.read_text()), path.name


def test_no_amount_goes_through_a_float() -> None:
    """parseFloat reads amounts, Number and toFixed round them: the few uses are of shares, counts and pixels."""
    uses = {
        (path.name, line.strip())
        for path in files()
        if path.suffix == ".js"
        for line in path.read_text().splitlines()
        if re.search(r"parseFloat|parseInt|\bNumber\(|\.toFixed\(|Math\.round", line)
    }
    assert not {use for use in uses if "parse" in use[1] and "Date.parse" not in use[1]}
    others = {use for use in uses if use[0] not in {"route.js", *DRAWING}}
    assert {name for name, _ in others} <= {"fields.js", "drawer.js"}
    assert all("whole" in line or "seconds" in line for _, line in others), others


def test_the_desk_stays_within_its_budget(desk: Any) -> None:
    weights = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files()}
    weights["the page"] = len(gzip.compress(desk.content, 9))

    rows = sum(weights[name] for name in [*first_files(), "desk.css", "icon.svg", "the page"])
    first = rows + sum(weights[name] for name in CHARTS)
    found = {"rows": rows, "first": first, "all": sum(weights.values())}

    assert found["rows"] <= ROWS_BYTES, (found, weights)
    assert found["first"] <= FIRST_BYTES, (found, weights)
    assert found["all"] <= ALL_BYTES, (found, weights)


def test_every_element_that_scripts_ask_for_is_on_the_page(desk: Any) -> None:
    page = desk.content.decode()
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    assert len(ids) == len(re.findall(r'\sid="', page)), "an id stands twice"
    for path in files():
        if path.suffix == ".js":
            for wanted in re.findall(r'\$\("([^"]+)"\)', path.read_text()):
                assert wanted in ids, (path.name, wanted)
    for label in re.findall(r'<label for="([^"]+)"', page):
        assert label in ids
