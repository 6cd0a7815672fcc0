"""Pictures of routes: true widths, no overlap, nothing from outside gets through unescaped."""

import re
from collections import defaultdict
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.picture import Band, describe, sankey
from dex.picture.sankey import FULL, LABEL
from dex.picture.words import percent

SVG = "{http://www.w3.org/2000/svg}"

# 60 of A in two ways to B, of which all go to C; 40 straight to C.
ROUTE = [
    Band("A", "B", 45, 100, "p1", "Orca", 3000),
    Band("A", "B", 15, 20, "p2", "Raydium", 2500),
    Band("B", "C", 120, 900, "p3"),
    Band("A", "C", 40, 550, "p4", "Orca", 51),
]


@st.composite
def routes(draw: st.DrawFn) -> list[Band]:
    """Chains of pools from token 0 to the last, some of them skipping tokens, some side by side."""
    count = draw(st.integers(2, 6))
    amounts = st.integers(1, 10**24)
    ends = [(k, k + 1) for k in range(count - 1)]
    skips = st.tuples(st.integers(0, count - 2), st.integers(1, count - 1)).filter(lambda pair: pair[0] < pair[1])
    ends += draw(st.lists(skips, max_size=15))
    return [
        Band(str(a), str(b), draw(amounts), draw(amounts), f"pool {k}", draw(st.sampled_from(("", "Orca"))), 3000)
        for k, (a, b) in enumerate(draw(st.permutations(ends)))
    ]


def drawn(bands: list[Band], **options: str) -> ElementTree.Element:
    return ElementTree.fromstring(sankey(bands, **{"title": "A route", **options}))  # type: ignore[arg-type]


def shares(svg: ElementTree.Element) -> list[float]:
    return [float(group.attrib["data-share"]) for group in svg.iter(f"{SVG}g") if "data-share" in group.attrib]


def outline(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]


def boxes(svg: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """About where each text stands: left, right, top, bottom."""
    found = []
    for text in svg.iter(f"{SVG}text"):
        size = float(text.get("font-size", LABEL))
        half = len(text.text or "") * size * 0.52 / 2
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        found.append((x - half, x + half, y - size * 0.75, y + size * 0.2))
    return found


def test_shares_follow_the_amounts_token_by_token() -> None:
    assert shares(drawn(ROUTE)) == pytest.approx([0.45, 0.15, 0.6, 0.4])


def test_bands_are_as_wide_as_their_shares() -> None:
    svg = drawn(ROUTE)

    for group, share in zip((g for g in svg.iter(f"{SVG}g") if "data-share" in g.attrib), shares(svg), strict=True):
        path = group.find(f"{SVG}path")
        assert path is not None
        points = outline(path.attrib["d"])
        assert points[-1][1] - points[0][1] == pytest.approx(FULL * share, abs=0.02)


@given(routes())
def test_what_enters_a_token_leaves_it(bands: list[Band]) -> None:
    flowing: defaultdict[str, float] = defaultdict(float)

    for band, share in zip(bands, shares(drawn(bands)), strict=True):
        flowing[band.token_in] -= share
        flowing[band.token_out] += share

    last = str(max(int(token) for token in flowing))
    assert flowing.pop("0") == pytest.approx(-1)
    assert flowing.pop(last) == pytest.approx(1)
    assert all(abs(left) < 1e-9 for left in flowing.values())


@given(routes())
def test_no_text_lies_on_another_and_all_are_inside(bands: list[Band]) -> None:
    svg = drawn(bands)

    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    found = sorted(boxes(svg))
    for left, right, top, bottom in found:
        assert left >= 0
        assert right <= width
        assert top >= 0
        assert bottom <= height
    for number, (left, right, top, bottom) in enumerate(found):
        for other_left, other_right, other_top, other_bottom in found[number + 1 :]:
            assert other_left >= right or left >= other_right or other_top >= bottom or top >= other_bottom


@given(routes())
def test_bands_keep_their_order_within_a_layer(bands: list[Band]) -> None:
    """Where bands run straight, none lies on another."""
    straight: defaultdict[float, list[tuple[float, float]]] = defaultdict(list)
    for path in drawn(bands).iter(f"{SVG}path"):
        points = outline(path.attrib["d"])
        upper, lower = points[: len(points) // 2], points[len(points) // 2 :][::-1]
        # Start, then for each bend two handles and its end, then the end of a straight piece, and so on to a token.
        for (x, y), (_, below) in list(zip(upper, lower, strict=True))[3:-1:4]:
            straight[x].append((y, below))

    for pieces in straight.values():
        for (_, below), (next_y, _) in pairwise(sorted(pieces)):
            assert next_y >= below - 0.02


def test_same_route_gives_the_same_picture() -> None:
    assert sankey(ROUTE, title="x") == sankey(list(ROUTE), title="x")


def test_everything_from_outside_is_escaped() -> None:
    evil = "<script>&\"'\x00\x1b\ud800]]>"
    bands = [Band(evil, "B", 1, 1, evil, evil)]

    svg = sankey(bands, title=evil, names={evil: evil}, notes={"B": evil}, element_id=evil)

    assert "<script" not in svg
    svg.encode()
    root = ElementTree.fromstring(svg)
    assert root[0].text == "<script>&\"'\ufffd\ufffd\ufffd]]>"
    assert {element.tag for element in root.iter()} == {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "g", "path", "rect", "text")
    }


def test_readers_without_eyes_get_the_route_in_words() -> None:
    svg = drawn(ROUTE, element_id="r7")

    assert (svg.attrib["role"], svg.attrib["aria-labelledby"]) == ("img", "r7-title r7-desc")
    assert [(part.attrib["id"], part.text) for part in svg[:2]] == [
        ("r7-title", "A route"),
        ("r7-desc", " ".join(describe(ROUTE))),
    ]
    assert describe(ROUTE, {"A": "SOL"})[0] == "45 % of the order: SOL to B through p1 (Orca, fee 0.30 %)."
    assert describe(ROUTE)[2:] == [
        "60 % of the order: B to C through p3.",
        "40 % of the order: A to C through p4 (Orca, fee 0.0051 %).",
    ]


def test_long_names_are_cut_in_the_picture_and_whole_in_its_words() -> None:
    long = "pool-" * 20
    svg = drawn([Band("A", "B", 1, 1, long)])

    assert any(text.text == f"{long[:25]}… · 100 %" for text in svg.iter(f"{SVG}text"))
    assert svg[1].text is not None
    assert long in svg[1].text


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100 %"), (0.3456, "34.6 %"), (0.05, "5 %"), (0.0005, "0.1 %"), (0.0004, "<0.1 %")],
)
def test_shares_in_words(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ([], "there are no swaps to draw"),
        ([Band("A", "B", 0, 1, "p")], "every swap must have positive amounts"),
        ([Band("A", "B", 1, 1, "p"), Band("B", "C", 1, 1, "q"), Band("C", "B", 1, 1, "r")], "form a cycle"),
        ([Band("A", "C", 1, 1, "p"), Band("B", "C", 1, 1, "q")], "must start from one token, not from A, B"),
    ],
)
def test_what_is_no_route_is_refused(bands: list[Band], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sankey(bands, title="x")
