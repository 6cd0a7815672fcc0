"""Layered layout: the order of places within each layer, and their heights.

Tokens stand in even layers; between them every swap has a lane of its own in each layer that it crosses, as tall
as its text, so no text can lie on another.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

GAP: Final = 10.0  # between neighbours of a layer
_SWEEPS: Final = 12
_STRAIGHTENINGS: Final = 60
_EVEN: Final = 8.0  # pixels that every link counts more than it is wide
_TO_MIDDLE: Final = 8.0  # pixels of width that the pull to the middle counts as


@dataclass(slots=True, eq=False)
class Place:
    """Something that takes room in a layer: `up` above and `down` below its `y`, the middle of what flows through."""

    layer: int
    up: float
    down: float
    y: float = 0.0
    before: list["Link"] = field(default_factory=list)
    after: list["Link"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link:
    """A flow of some width between places of adjacent layers; the offsets are from the places' middles."""

    left: Place
    right: Place
    width: float
    left_offset: float = 0.0
    right_offset: float = 0.0

    def __post_init__(self) -> None:
        """Make the link known at both ends."""
        self.left.after.append(self)
        self.right.before.append(self)


def arrange(places: Iterable[Place]) -> None:
    """Give every place its `y`, and every link its offsets, with few crossings and little bending.

    Goes through the layers forwards and backwards, each time towards where the neighbours are, and keeps the
    arrangement with the fewest crossings. The same places in the same order always end up the same.
    """
    layers: defaultdict[int, list[Place]] = defaultdict(list)
    for place in places:
        layers[place.layer].append(place)
    stacks = [layers[number] for number in sorted(layers)]
    for stack in stacks:
        _settle(stack, [0.0] * len(stack))
    stacks = _untangled(stacks)
    for sweep in range(_STRAIGHTENINGS):
        for stack in stacks if sweep % 2 else reversed(stacks):
            _attach(stack)
            _settle(stack, [_preferred_height(place, None) for place in stack])
    for stack in stacks:
        _attach(stack)


def _untangled(stacks: list[list[Place]]) -> list[list[Place]]:
    """The order with the fewest crossings found by repeated sorting on preferred heights."""
    best, fewest = stacks, float("inf")
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        for stack in stacks if forwards else reversed(stacks):
            _attach(stack)
            heights = {place: _preferred_height(place, forwards) for place in stack}
            stack.sort(key=heights.__getitem__)
            _settle(stack, [heights[place] for place in stack])
        crossed = sum(_crossings(stack) for stack in stacks)
        if crossed < fewest:
            best, fewest = [list(stack) for stack in stacks], crossed
    return best


def _attach(stack: list[Place]) -> None:
    """Let links leave and enter each place in the order of their other ends."""
    for place in stack:
        edge = -sum(link.width for link in place.after) / 2
        for link in sorted(place.after, key=lambda link: link.right.y):
            link.left_offset = edge + link.width / 2
            edge += link.width
        edge = -sum(link.width for link in place.before) / 2
        for link in sorted(place.before, key=lambda link: link.left.y):
            link.right_offset = edge + link.width / 2
            edge += link.width


def _preferred_height(place: Place, forwards: bool | None) -> float:
    """The height at which a place's links on one side (or both: None) would run straight, wide ones counting more.

    Both together are also drawn a little to the middle line, or long routes would drift out of the picture.
    """
    heights = [] if forwards is not None else [(0.0, _TO_MIDDLE)]
    if forwards is not False:
        heights += [(link.left.y + link.left_offset - link.right_offset, link.width + _EVEN) for link in place.before]
    if not forwards:
        heights += [(link.right.y + link.right_offset - link.left_offset, link.width + _EVEN) for link in place.after]
    total = sum(weight for _, weight in heights)
    return sum(y * weight for y, weight in heights) / total if total else place.y


def _settle(stack: list[Place], heights: list[float]) -> None:
    """Put places, in the given order, as near to their preferred heights as fits without overlap.

    Least squares under an order: subtract the room that those above need, put places that would then be in the
    wrong order at their mean, and add the room again.
    """
    room = [0.0]
    for above, below in pairwise(stack):
        room.append(room[-1] + above.down + GAP + below.up)
    blocks: list[tuple[float, int]] = []
    for height, needed in zip(heights, room, strict=False):
        mean, count = height - needed, 1
        while blocks and blocks[-1][0] > mean:
            above_mean, above_count = blocks.pop()
            mean = (mean * count + above_mean * above_count) / (count + above_count)
            count += above_count
        blocks.append((mean, count))
    settled = [mean for mean, count in blocks for _ in range(count)]
    for place, mean, needed in zip(stack, settled, room, strict=False):
        place.y = mean + needed


def _crossings(stack: list[Place]) -> float:
    """How much flow crosses on the way out of a layer: for each crossing the width of the narrower link, and one."""
    ends = [(link.left.y, link.right.y, link.width) for place in stack for link in place.after]
    crossed = 0.0
    for number, (left, right, width) in enumerate(ends):
        for other_left, other_right, other_width in ends[:number]:
            if (left - other_left) * (right - other_right) < 0:
                crossed += min(width, other_width) + 1
    return crossed
