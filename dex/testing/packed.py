"""How many bytes FastLZ would leave of a text, by which rollups of the OP stack count a transaction's.

Written by the format's description: literals in runs of up to 32 behind a byte each, matches of 3 bytes or more up to
8,191 back in 2 bytes, or 3 from 9 bytes on. Source: https://ariya.github.io/FastLZ (level 1), and which matches are
found: https://specs.optimism.io/protocol/fjord/exec-engine.html#fees
"""

RUN, FARTHEST, SHORT_MATCH, LONGEST_MATCH = 32, 8_191, 8, 264
# The end is never searched.
TAIL = 13


def fastlz_length(data: bytes) -> int:
    """Bytes that are left."""
    length, place, begin, seen = 0, 1, 0, dict[bytes, int]()
    while place < len(data) - TAIL:
        three = data[place : place + 3]
        before, seen[three] = seen.get(three, -FARTHEST - 1), place
        if place - before > FARTHEST:
            place += 1
            continue
        size = 3
        while place + size < len(data) - 4 and data[before + size] == data[place + size]:
            size += 1
        length += _literals(place - begin) + _match(size)
        place += size
        begin = place
    return length + _literals(len(data) - begin)


def _literals(count: int) -> int:
    return count + -(-count // RUN)


def _match(size: int) -> int:
    whole, rest = divmod(size, LONGEST_MATCH)
    return 3 * whole + (0 if not rest else 2 if rest <= SHORT_MATCH else 3)
