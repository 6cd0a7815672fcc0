"""The options of `orders place` for the order's type, and for the fields that the types take."""

from argparse import ArgumentParser
from typing import Any

from orders.cli.options import option
from orders.order_types import FIELDS, ORDER_TYPES, types_with


def add_type_options(parser: ArgumentParser) -> None:
    """One option for the type, and one for each field that a type takes."""
    parser.add_argument("--type", choices=tuple(ORDER_TYPES), default="market")
    for name, field in FIELDS.items():
        words = f"{field.help_text} For {types_with(name)}."
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=option(field.kind.from_text), metavar="VALUE", help=words.replace("%", "%%"))


def type_body(options: dict[str, Any]) -> dict[str, Any]:
    """The members of the request that these options state."""
    stated = {name: options[name] for name in FIELDS if options[name] is not None}
    return {"type": options["type"]} | stated
