"""The pictures of life cycles show no arrow that the table of states does not have."""

import re
from itertools import product

from dex.testing.pages import ROOT
from orders.order_types import ORDER_TYPES
from orders.states import TERMINAL, TRANSITIONS, OrderStatus

PAGE = ROOT / "docs/life-cycles.md"
_STATE = re.compile(r'state "([^"]+)" as (\w+)')
_ARROW = re.compile(r"^ *(\[\*\]|\w+) --> (\[\*\]|\w+)", re.MULTILINE)


def pictures() -> list[str]:
    return re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", PAGE.read_text(), re.DOTALL)


def statuses_of(picture: str) -> dict[str, list[OrderStatus]]:
    """Of each box, the statuses that it is named by."""
    named = {name: re.findall(r"\b[A-Z]{6,}\b", label) for label, name in _STATE.findall(picture)}
    return {name: [OrderStatus(word) for word in words] for name, words in named.items()}


def test_each_arrow_is_a_legal_transition() -> None:
    assert len(pictures()) == 5
    for picture in pictures():
        boxes = statuses_of(picture)
        arrows = _ARROW.findall(picture)
        assert len(arrows) > 10
        for source, target in arrows:
            if source == "[*]":
                assert boxes[target] == [OrderStatus.PENDING]
            elif target == "[*]":
                assert TERMINAL.issuperset(boxes[source])
            else:
                # A box of several statuses is left from one of them.
                edges = product(boxes[source], boxes[target])
                assert any(end in TRANSITIONS[start] for start, end in edges), (source, target)


def test_each_box_is_reached_and_left() -> None:
    for picture in pictures():
        arrows = _ARROW.findall(picture)
        boxes = set(statuses_of(picture))
        assert {source for source, _ in arrows} - {"[*]"} == boxes
        assert {target for _, target in arrows} - {"[*]"} == boxes


def test_each_type_that_waits_has_a_picture() -> None:
    """Under a heading that names it."""
    headings = " ".join(re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE)).lower()
    for name in set(ORDER_TYPES) - {"market"}:
        assert name.replace("_", " ") in headings, name
