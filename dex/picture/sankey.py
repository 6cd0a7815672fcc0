"""Routes as Sankey diagrams: tokens in columns, swaps as bands as wide as their share of the order.

Colours are middle tones and `currentColor`, as attributes, so that the picture is readable on light and dark
ground and inside pages that forbid inline styles. Everything from outside is escaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from dex.picture.flow import Band, Flow, flow_of
from dex.picture.layers import Link, Place, arrange
from dex.picture.words import cut, describe, fee, percent, safe, width_of

FULL: Final = 168.0  # pixels of the whole order
MARGIN: Final = 16.0
CURVE: Final = 40.0  # room for a band to bend, on either side of its text
LABEL: Final = 13  # sizes of letters
SMALL: Final = 11
BOLD: Final = 17  # as wide as plain letters of this size
LINE: Final = 15.0
HAIRLINE: Final = 1.0  # narrower bands are drawn this wide, since they could not be seen
# Distinct for colour-blind eyes too, and of middle lightness. Source: https://jfly.uni-koeln.de/color/
COLOURS: Final = ("#0090d0", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#7a6ff0", "#56b4e9", "#a8a020")


@dataclass(slots=True)
class _Lane:
    """A band on its way: places in each layer that it crosses, the links between them, and where its text stands."""

    places: list[Place]
    links: list[Link]
    labelled: Place


@dataclass(slots=True)
class _Sheet:
    """Where everything stands: `left` and `right` are the horizontal ends of each layer."""

    nodes: dict[str, Place]
    lanes: list[_Lane]
    left: list[float]
    right: list[float]
    height: float


def sankey(
    bands: Sequence[Band],
    *,
    title: str,
    names: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
    element_id: str = "route",
    is_document: bool = True,
) -> str:
    """Draw the swaps of one order as an SVG document of its own size.

    `names` are shown instead of the tokens' keys, `notes` under them (an amount, for example). `element_id` must be
    unique in a page; `is_document` is False for a picture inside a page, which has its own colours of ground and no
    use for a style. Bands carry their exact share as `data-share`. Raises: ValueError for what is no route.
    """
    flow = flow_of(bands)
    labels = {token: (names or {}).get(token, token) for token in flow.columns}
    captions = {token: (notes or {}).get(token) or percent(flow.through[token]) for token in flow.columns}
    sheet = _layout(bands, flow, labels, captions)
    width = sheet.right[-1] + MARGIN
    identity = safe(element_id)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{identity}-title {identity}-desc" '
        f'width="{width:.0f}" height="{sheet.height:.0f}" viewBox="0 0 {width:.0f} {sheet.height:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="{LABEL}" color-scheme="light dark" fill="currentColor">',
        f'<title id="{identity}-title">{safe(title)}</title>',
        f'<desc id="{identity}-desc">{safe(" ".join(describe(bands, names)))}</desc>',
        *(["<style>:root{color-scheme:light dark}</style>"] if is_document else []),
    ]
    venues = list(dict.fromkeys(band.venue for band in bands))
    for band, share, lane in zip(bands, flow.shares, sheet.lanes, strict=True):
        parts.append(_band(band, share, lane, sheet, COLOURS[venues.index(band.venue) % len(COLOURS)], labels))
    for token, place in sheet.nodes.items():
        parts.append(_node(labels[token], captions[token], place, sheet))
    return "\n".join([*parts, "</svg>", ""])


def _layout(bands: Sequence[Band], flow: Flow, labels: Mapping[str, str], captions: Mapping[str, str]) -> _Sheet:
    nodes = {}
    for token, column in flow.columns.items():
        half = max(FULL * flow.through[token], 2 * LINE + 8) / 2
        nodes[token] = Place(2 * column, half, half)
    lanes = [_lane(band, share, nodes) for band, share in zip(bands, flow.shares, strict=True)]
    places = [*nodes.values(), *(place for lane in lanes for place in lane.places)]
    arrange(places)
    top = min(place.y - place.up for place in places) - MARGIN
    for place in places:
        place.y -= top
    widths = [0.0] * (2 * max(flow.columns.values()) + 1)
    for token, place in nodes.items():
        needed = max(width_of(cut(labels[token]), BOLD), width_of(captions[token], SMALL)) + 16
        widths[place.layer] = max(widths[place.layer], needed)
    for band, share, lane in zip(bands, flow.shares, lanes, strict=True):
        needed = max(width_of(line, LABEL) for line in _lines(band, share)) + 8
        widths[lane.labelled.layer] = max(widths[lane.labelled.layer], needed)
    left, right, x = [], [], MARGIN
    for layer, width in enumerate(widths):
        x += CURVE * (layer > 0)
        left.append(x)
        x += width
        right.append(x)
    return _Sheet(nodes, lanes, left, right, max(place.y + place.down for place in places) + MARGIN)


def _lane(band: Band, share: float, nodes: Mapping[str, Place]) -> _Lane:
    """A lane from token to token, its text in the middle of the way; above the band where it does not fit inside."""
    first, last = nodes[band.token_in], nodes[band.token_out]
    width = FULL * share
    places = [Place(layer, width / 2, width / 2) for layer in range(first.layer + 1, last.layer)]
    odd = places[::2]
    labelled = odd[len(odd) // 2]
    if width < _text_height(band):
        labelled.up += _text_height(band)
    links = [Link(a, b, width) for a, b in pairwise([first, *places, last])]
    return _Lane(places, links, labelled)


def _band(band: Band, share: float, lane: _Lane, sheet: _Sheet, colour: str, labels: Mapping[str, str]) -> str:
    width = max(FULL * share, HAIRLINE)
    lines = _lines(band, share)
    middle = (sheet.left[lane.labelled.layer] + sheet.right[lane.labelled.layer]) / 2
    height = _text_height(band)
    inside = FULL * share >= height
    top = lane.labelled.y - height / 2 if inside else lane.labelled.y - width / 2 - height
    texts = [f'<text x="{middle:.1f}" y="{top + LABEL:.1f}" text-anchor="middle">{safe(lines[0])}</text>']
    if len(lines) > 1:
        texts.append(
            f'<text x="{middle:.1f}" y="{top + LABEL + LINE:.1f}" text-anchor="middle" font-size="{SMALL}" '
            f'fill-opacity="0.75">{safe(lines[1])}</text>'
        )
    whole = f"{labels[band.token_in]} → {labels[band.token_out]}: {band.label}, {percent(share)}"
    return (
        f'<g data-share="{share!r}"><title>{safe(whole)}</title>'
        f'<path d="{_path(lane, sheet, width / 2)}" fill="{colour}" fill-opacity="0.42" '
        f'stroke="{colour}" stroke-width="0.7"/>{"".join(texts)}</g>'
    )


def _path(lane: _Lane, sheet: _Sheet, half: float) -> str:
    """The outline of a band: its upper edge forwards, its lower edge back."""
    points = []
    for link in lane.links:
        points.append((sheet.right[link.left.layer], link.left.y + link.left_offset))
        points.append((sheet.left[link.right.layer], link.right.y + link.right_offset))
    upper = _edge([(x, y - half) for x, y in points])
    lower = _edge([(x, y + half) for x, y in reversed(points)])
    return f"M{upper}L{lower}Z"


def _edge(points: Sequence[tuple[float, float]]) -> str:
    """Bends from layer to layer, straight across each layer."""
    (x, y), rest = points[0], points[1:]
    steps = [f"{x:.1f},{y:.2f}"]
    for number, (next_x, next_y) in enumerate(rest):
        if number % 2:
            steps.append(f"L{next_x:.1f},{next_y:.2f}")
        else:
            bend = (x + next_x) / 2
            steps.append(f"C{bend:.1f},{y:.2f} {bend:.1f},{next_y:.2f} {next_x:.1f},{next_y:.2f}")
        x, y = next_x, next_y
    return "".join(steps)


def _node(name: str, note: str, place: Place, sheet: _Sheet) -> str:
    left, right = sheet.left[place.layer], sheet.right[place.layer]
    middle = (left + right) / 2
    return (
        f'<g><title>{safe(name)}</title><rect x="{left:.1f}" y="{place.y - place.up:.2f}" width="{right - left:.1f}" '
        f'height="{place.up + place.down:.2f}" rx="5" fill-opacity="0.1" stroke="currentColor" stroke-opacity="0.45"/>'
        f'<text x="{middle:.1f}" y="{place.y - 2:.2f}" text-anchor="middle" font-weight="600" '
        f'font-size="{LABEL + 1}">{safe(cut(name))}</text>'
        f'<text x="{middle:.1f}" y="{place.y + LINE - 2:.2f}" text-anchor="middle" font-size="{SMALL}" '
        f'fill-opacity="0.75">{safe(note)}</text></g>'
    )


def _lines(band: Band, share: float) -> list[str]:
    second = " · ".join(filter(None, (cut(band.venue), fee(band))))
    return [f"{cut(band.label)} · {percent(share)}", *([second] if second else [])]


def _text_height(band: Band) -> float:
    return LINE * len(_lines(band, 0.0)) + 4
