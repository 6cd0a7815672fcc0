"""The options of `orders place` for the order's type, for the fields that the types take, and short forms of some."""

import re
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from orders.cli.options import option, text
from orders.order_types import FIELDS, ORDER_TYPES, TIMES_IN_FORCE, types_with
from orders.order_types.fields import FLAG

# 8x60: eight slices, one each 60 seconds.
_SLICES = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")


def add_type_options(parser: ArgumentParser) -> None:
    """One option for the type, one for each field that a type takes, and short forms that imply the type."""
    parser.add_argument("--type", choices=tuple(ORDER_TYPES), help="default: market, or what a short form implies")
    parser.add_argument("--tif", choices=TIMES_IN_FORCE, help="time in force; each type has its own default")
    parser.add_argument("--expires-at", type=text, metavar="TIME", help="RFC 3339, with gtd")
    short = parser.add_mutually_exclusive_group()
    short.add_argument("--limit", type=text, metavar="PRICE", help="--type limit --limit-price PRICE")
    short.add_argument("--stop", type=text, metavar="PRICE", help="--type stop --trigger-price PRICE")
    for name, field in FIELDS.items():
        words = f"{field.help_text} For {types_with(name)}."
        if name == "twap":
            words += " Short: SLICESxSECONDS, such as 8x60, which implies the type."
        flag = f"--{name.replace('_', '-')}"
        if field.kind is FLAG:
            parser.add_argument(flag, action="store_const", const=True, help=words.replace("%", "%%"))
            continue
        read = option(_slices_or(field.kind.from_text) if name == "twap" else field.kind.from_text)
        parser.add_argument(flag, type=read, metavar="VALUE", help=words.replace("%", "%%"))


def type_body(options: dict[str, Any]) -> dict[str, Any]:
    """The members of the request that these options state."""
    stated = {name: options[name] for name in FIELDS if options[name] is not None}
    implied = "twap" if "twap" in stated else "market"
    for name, field in (("limit", "limit_price"), ("stop", "trigger_price")):
        if options[name] is not None:
            implied, stated[field] = name, options[name]
    times = {"time_in_force": options["tif"], "expires_at": options["expires_at"]}
    return {"type": options["type"] or implied} | stated | {name: at for name, at in times.items() if at is not None}


def _slices_or(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def slices(given: str) -> Any:
        found = _SLICES.fullmatch(given)
        return {"slices": int(found[1]), "interval_s": int(found[2])} if found else read(given)

    return slices
