"""The words of a picture: shares, fees and names, cut, measured and made safe for XML."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from dex.picture.flow import Band, flow_of

MAX_NAME: Final = 26  # letters of a name from outside; the tooltip holds the whole
PPM_IN_PERCENT: Final = 10_000
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def describe(bands: Sequence[Band], names: Mapping[str, str] | None = None) -> list[str]:
    """The route in words, a sentence for each swap. Raises: ValueError for what is no route."""
    shown = names or {}
    sentences = []
    for band, share in zip(bands, flow_of(bands).shares, strict=True):
        where = ", ".join(filter(None, (band.venue, fee(band))))
        ends = f"{shown.get(band.token_in, band.token_in)} to {shown.get(band.token_out, band.token_out)}"
        sentences.append(f"{percent(share)} of the order: {ends} through {band.label}{f' ({where})' if where else ''}.")
    return sentences


def percent(share: float) -> str:
    """A share in per cent with one decimal; a small one is not rounded to zero."""
    return "<0.1 %" if share < 0.0005 else f"{100 * share:.1f} %".replace(".0 %", " %")


def fee(band: Band) -> str:
    """The fee in per cent with two to four decimals; nothing where none is given."""
    if band.fee_ppm is None:
        return ""
    number = f"{band.fee_ppm / PPM_IN_PERCENT:.4f}".rstrip("0")
    return f"fee {number.ljust(number.index('.') + 3, '0')} %"


def cut(name: str) -> str:
    """The name, or its beginning when it is long."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def width_of(text: str, size: float) -> float:
    """Pixels that a text may need: generous, since fonts differ, and double for letters beyond Latin script."""
    return size * sum(1.1 if ord(letter) > 0x2FF and letter != "…" else 0.6 for letter in text)


def safe(text: str) -> str:
    """The text as it may stand in XML, within quotes too; what XML cannot hold at all is replaced."""
    return escape(_NOT_XML.sub("\ufffd", text))
