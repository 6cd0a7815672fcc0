"""`orders replace`: other terms for an order that waits, against the version that was read."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from orders.cli.client import EngineClient
from orders.cli.options import bps, option, text, whole
from orders.cli.short_ids import ID_HELP, full_id
from orders.order_types import FIELDS

_REPLACED = ("limit_price", "trigger_price", "trail_bps", "min_liquidity", "max_age_s", "liquidity_token")
_TYPE_FIELDS = tuple(name for name in _REPLACED if name in FIELDS)
MOST_VERSION = 999_999_999
NO_EXPIRY = "none"


def add_replace_options(parser: ArgumentParser) -> None:
    """Which order, and the terms that change."""
    parser.add_argument("order_id", help=ID_HELP)
    parser.add_argument(
        "--version", type=whole(1, MOST_VERSION), help="the version that was read; else the present one"
    )
    parser.add_argument("--amount", type=text)
    parser.add_argument("--expires-at", type=text, metavar="TIME", help=f"RFC 3339, or {NO_EXPIRY}")
    parser.add_argument("--slippage-bps", type=bps)
    parser.add_argument("--min-amount-out", type=text, metavar="AMOUNT")
    parser.add_argument("--max-amount-in", type=text, metavar="AMOUNT")
    for name in _TYPE_FIELDS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=option(FIELDS[name].kind.from_text), metavar="VALUE")


def replace_terms(client: EngineClient, options: dict[str, Any]) -> dict[str, Any]:
    """The order with its new terms. Raises: ServerError, and CommandError where nothing is to change."""
    body: dict[str, Any] = {name: options[name] for name in ("amount", *_TYPE_FIELDS) if options[name] is not None}
    if options["expires_at"] is not None:
        body["expires_at"] = None if options["expires_at"] == NO_EXPIRY else options["expires_at"]
    guards = {"max_slippage_bps": options["slippage_bps"]}
    guards |= {name: options[name] for name in ("min_amount_out", "max_amount_in")}
    if given := {name: value for name, value in guards.items() if value is not None}:
        body["guards"] = given
    if not body:
        raise CommandError("state what is to change, such as --amount")
    order_id = full_id(client, options["order_id"])
    version = options["version"] or client.call("GET", f"orders/{order_id}")["version"]
    answer: dict[str, Any] = client.patch(f"orders/{order_id}", body, version)
    return answer
